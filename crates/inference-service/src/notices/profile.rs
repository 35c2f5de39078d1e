//! Reference profiles: what a model's inputs and answers looked like when it was found to be good.
//!
//! A model may ship one as `profile.json` beside its model.onnx. The logging service compares what it sees with it.
//!
//! Rule of thumb: the logging service reads what is in a profile. This service looks at `model_sha256` only, so that no
//! model is ever compared with the profile of another file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use axum::body::Bytes;
use prediction_record::read_json;
use serde::Deserialize;

/// Name of the file, beside model.onnx.
const FILE: &str = "profile.json";

/// Why a profile that is there is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnusableProfile {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("it is not a JSON object with model_sha256: {0}")]
    Syntax(#[from] serde_json::Error),
    #[error("it belongs to a model file of SHA-256 {found}, and {loaded} is loaded; make it anew for this file")]
    OtherModel { found: String, loaded: String },
}

/// The one member that is looked at.
#[derive(Deserialize)]
struct ProfileHead {
    model_sha256: String,
}

/// Reads the profile that lies beside a model's file; `None` if there is none.
pub(super) fn read(model_file: &Path, sha256: &str) -> Option<Result<Bytes, UnusableProfile>> {
    match fs::read(model_file.with_file_name(FILE)) {
        Ok(json) => Some(checked(json, sha256)),
        Err(problem) if problem.kind() == ErrorKind::NotFound => None,
        Err(problem) => Some(Err(problem.into())),
    }
}

fn checked(json: Vec<u8>, sha256: &str) -> Result<Bytes, UnusableProfile> {
    let ProfileHead { model_sha256 } = read_json(&json)?;
    if model_sha256 == sha256 {
        Ok(json.into())
    } else {
        Err(UnusableProfile::OtherModel { found: model_sha256, loaded: sha256.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn a_profile_is_used_for_its_own_model_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        let read_back = |json: Option<&str>| {
            match json {
                Some(json) => fs::write(folder.path().join(FILE), json).unwrap(),
                None => assert!(!folder.path().join(FILE).exists()),
            }
            read(&model, "abc").map(|profile| profile.map_err(|problem| problem.to_string()))
        };
        assert_eq!(read_back(None), None);
        let whole = r#"{"model_sha256":"abc","features":{"brightness":[1,2]}}"#;
        assert_eq!(read_back(Some(whole)), Some(Ok(Bytes::from(whole))));
        for (json, says) in [
            (r#"{"model_sha256":"abd"}"#, "SHA-256 abd, and abc is loaded"),
            (r#"{"features":{}}"#, "missing field `model_sha256`"),
            (r#"{"model_sha256":"abc""#, "EOF"),
            ("", "EOF"),
        ] {
            let problem = read_back(Some(json)).unwrap().unwrap_err();
            assert!(problem.contains(says), "{json}: {problem}");
        }
    }
}
