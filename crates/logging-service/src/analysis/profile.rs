//! Reference profiles: the counts of a time when a model worked well.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prediction_record::MAX_FEATURES;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CountsError, WindowCounts};

/// The version of the profile's JSON form that this crate writes.
pub const PROFILE_SCHEMA_VERSION: u32 = 1;

/// The most characters of a model's name, as in a record.
const MAX_NAME_CHARS: usize = prediction_record::MAX_NAME_CHARS;

/// Counts with which later windows are compared. They belong to the file of the model whose predictions they count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReferenceProfile {
    /// The [`PROFILE_SCHEMA_VERSION`] of the program that made it.
    #[schema(minimum = 1, maximum = 1)]
    pub schema_version: u32,
    /// Name of the model.
    #[schema(min_length = 1, max_length = 128)]
    pub model: String,
    /// SHA-256 of the model file, 64 lower-case hexadecimal digits; absent for any file of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub model_sha256: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The beginning of the range whose predictions are counted, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Where the range ends; not part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// The counts of the predictions.
    pub counts: WindowCounts,
    /// How the features go along with the answer, where it was measured. Nothing is compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlations: Option<AnswerCorrelations>,
}

/// How features go along with a model's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnswerCorrelations {
    /// The number that the features are held against.
    pub answer: CorrelatedAnswer,
    /// Pearson's r of each feature that is a number, -1 to 1. A feature that never changes has none.
    pub features: BTreeMap<String, f64>,
}

/// The number of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CorrelatedAnswer {
    /// The predicted number.
    Value,
    /// The probability of the predicted class.
    Confidence,
    /// The probability of the positive one of two classes.
    Score,
}

/// Why a profile cannot be a reference.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// This version does not know its schema.
    #[error("schema_version is {0}, and this version knows {PROFILE_SCHEMA_VERSION}")]
    Version(u32),
    /// The model's name is empty or too long.
    #[error("model must have 1 to {MAX_NAME_CHARS} characters")]
    Model,
    /// The digest of the model's file is not a SHA-256.
    #[error("model_sha256 must be 64 lower-case hexadecimal digits")]
    Sha256,
    /// It begins after it ends.
    #[error("since must be before until")]
    Range,
    /// It counts no predictions.
    #[error("counts has no predictions")]
    Empty,
    /// A correlation is none.
    #[error("correlations must be of at most {MAX_FEATURES} features, each from -1 to 1")]
    Correlations,
    /// Its counts contradict themselves.
    #[error(transparent)]
    Counts(#[from] CountsError),
}

impl ReferenceProfile {
    /// Checks that windows can be compared with it.
    ///
    /// # Errors
    /// [`ProfileError`], the first reason against it.
    pub fn validate(&self) -> Result<(), ProfileError> {
        if self.schema_version != PROFILE_SCHEMA_VERSION {
            return Err(ProfileError::Version(self.schema_version));
        }
        if self.model.is_empty() || self.model.chars().count() > MAX_NAME_CHARS {
            return Err(ProfileError::Model);
        }
        if self.model_sha256.as_deref().is_some_and(|digest| !is_sha256(digest)) {
            return Err(ProfileError::Sha256);
        }
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(ProfileError::Range);
        }
        if self.correlations.as_ref().is_some_and(|correlations| !correlations.is_valid()) {
            return Err(ProfileError::Correlations);
        }
        if self.counts.predictions == 0 {
            return Err(ProfileError::Empty);
        }
        Ok(self.counts.validate()?)
    }
}

impl AnswerCorrelations {
    fn is_valid(&self) -> bool {
        self.features.len() <= MAX_FEATURES && self.features.values().all(|r| (-1.0..=1.0).contains(r))
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Observation;
    use super::*;

    fn profile() -> ReferenceProfile {
        let mut counts = WindowCounts::default();
        counts.observe(&Observation { label: Some("cat"), confidence: Some(0.9), ..<_>::default() });
        ReferenceProfile {
            schema_version: PROFILE_SCHEMA_VERSION,
            model: "cifar10".into(),
            model_sha256: Some("0a".repeat(32)),
            created_at: Timestamp::UNIX_EPOCH,
            since: None,
            until: None,
            counts,
            correlations: None,
        }
    }

    #[test]
    fn a_profile_survives_json() {
        let profile = profile();
        profile.validate().unwrap();
        let text = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<ReferenceProfile>(&text).unwrap(), profile);
    }

    #[test]
    fn what_cannot_be_compared_with_is_refused() {
        let refused = |change: fn(&mut ReferenceProfile)| {
            let mut profile = profile();
            change(&mut profile);
            profile.validate().unwrap_err().to_string()
        };
        assert!(refused(|profile| profile.schema_version = 9).contains("schema_version is 9"));
        assert!(refused(|profile| profile.model.clear()).contains("model must"));
        assert!(refused(|profile| profile.model_sha256 = Some("0A".repeat(32))).contains("model_sha256"));
        assert!(refused(|profile| profile.counts = WindowCounts::default()).contains("no predictions"));
        assert!(refused(|profile| profile.counts.classes.add("dog", 5)).contains("classes"));
        let beyond = |profile: &mut ReferenceProfile| {
            let features = BTreeMap::from([("age".to_owned(), 1.5)]);
            profile.correlations = Some(AnswerCorrelations { answer: CorrelatedAnswer::Value, features });
        };
        assert!(refused(beyond).contains("correlations must"));
        let later = |profile: &mut ReferenceProfile| {
            profile.since = Some(Timestamp::UNIX_EPOCH);
            profile.until = profile.since;
        };
        assert!(refused(later).contains("since must"));
    }

    #[test]
    fn another_grid_or_a_bin_outside_of_it_is_noticed() {
        let text = serde_json::to_string(&profile()).unwrap();
        let problem = serde_json::from_str::<ReferenceProfile>(&text.replace("\"g\":1", "\"g\":2")).unwrap_err();
        assert!(problem.to_string().contains("grid version 2"), "{problem}");
        let outside = text.replace("\"confidence\":[0,90,1]", "\"confidence\":[0,900,1]");
        assert_ne!(outside, text);
        let problem = serde_json::from_str::<ReferenceProfile>(&outside).unwrap().validate().unwrap_err();
        assert!(problem.to_string().contains("no such bin"), "{problem}");
    }
}
