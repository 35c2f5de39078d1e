//! Where a lake is: a folder or a bucket, and how it is opened.
//!
//! Rule of thumb: credentials come from the environment or from a file, never from the URL, so the URL may be shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use reqwest::Url;

/// What the settings of stores begin with, in the environment and in a file.
const SETTINGS: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// Where a lake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeUrl(Url);

/// Why a lake cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LakeUrlError {
    /// The URL is not one of a folder or a bucket.
    #[error("expected file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX")]
    Invalid,
    /// Somebody put credentials into the URL.
    #[error("credentials do not belong into the URL: set AWS_…, AZURE_… or GOOGLE_…, or name a file with them")]
    Credentials,
    /// The folder cannot be made.
    #[error("the folder cannot be made: {0}")]
    Folder(#[from] std::io::Error),
    /// The file of settings cannot be read.
    #[error("the settings in {} cannot be read: {problem}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The settings do not fit.
    #[error("the store cannot be used as it is configured: {0}")]
    Store(#[from] object_store::Error),
}

impl FromStr for LakeUrl {
    type Err = LakeUrlError;

    fn from_str(text: &str) -> Result<Self, LakeUrlError> {
        let url = Url::parse(text).map_err(|_| LakeUrlError::Invalid)?;
        let is_known = matches!(url.scheme(), "file" | "s3" | "gs" | "az");
        if url.password().is_some() || !url.username().is_empty() || url.query().is_some() {
            return Err(LakeUrlError::Credentials);
        }
        let has_bucket = url.host_str().is_some_and(|host| !host.is_empty());
        if is_known && has_bucket != (url.scheme() == "file") { Ok(Self(url)) } else { Err(LakeUrlError::Invalid) }
    }
}

impl fmt::Display for LakeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl LakeUrl {
    /// The store, in which all paths are below the URL. The settings of a bucket come from the environment and from the
    /// file, which goes first.
    ///
    /// # Errors
    /// [`LakeUrlError`]; whether a bucket can be reached is not known yet.
    pub(crate) fn open(&self, settings: Option<&Path>) -> Result<Arc<dyn ObjectStore>, LakeUrlError> {
        if let Ok(folder) = self.0.to_file_path() {
            std::fs::create_dir_all(&folder)?;
            // A file counts when it survives the power, as it does in a bucket.
            return Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)));
        }
        monitoring::use_ring();
        let is_setting = |name: &str| SETTINGS.iter().any(|beginning| name.starts_with(beginning));
        let mut options: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| is_setting(name))
            .collect();
        options.extend(settings.map(read_settings).transpose()?.unwrap_or_default());
        let (store, prefix) = object_store::parse_url_opts(&self.0, options)?;
        Ok(Arc::new(PrefixStore::new(store, prefix)))
    }
}

/// Reads lines of the form `AWS_ACCESS_KEY_ID=…`. A message about a problem quotes no value.
fn read_settings(path: &Path) -> Result<Vec<(String, String)>, LakeUrlError> {
    let wrong = |problem: String| LakeUrlError::Settings { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|problem| wrong(problem.to_string()))?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| match line.split_once('=') {
            Some((name, value)) if SETTINGS.iter().any(|beginning| name.starts_with(beginning)) => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(wrong(format!("line {} is no AWS_…=, AZURE_…= or GOOGLE_…=", number + 1))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folders_and_buckets_are_lakes_and_nothing_else_is() {
        for url in ["file:///data/lake", "s3://bucket", "s3://bucket/a/b", "gs://bucket/x", "az://container/x"] {
            assert_eq!(url.parse::<LakeUrl>().unwrap().to_string().trim_end_matches('/'), url);
        }
        for url in ["", "lake", "/data/lake", "http://host/x", "file://host/x", "s3:///x", "memory:///"] {
            assert!(matches!(url.parse::<LakeUrl>(), Err(LakeUrlError::Invalid)), "{url}");
        }
        for url in ["s3://key:secret@bucket/x", "az://container/x?sig=secret"] {
            let problem = url.parse::<LakeUrl>().unwrap_err();
            assert!(!problem.to_string().contains("secret"), "{problem}");
        }
    }

    #[test]
    fn settings_in_a_file_are_read_and_never_quoted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# keys\nAWS_ACCESS_KEY_ID = a\n\nAWS_SECRET_ACCESS_KEY=b=c\n").unwrap();
        let read = read_settings(file.path()).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read, [pair("AWS_ACCESS_KEY_ID", "a"), pair("AWS_SECRET_ACCESS_KEY", "b=c")]);
        std::fs::write(file.path(), "AWS_REGION=x\nsecret").unwrap();
        let problem = read_settings(file.path()).unwrap_err().to_string();
        assert!(problem.contains("line 2") && !problem.contains("secret"), "{problem}");
    }
}
