//! The model that a path names, and what is wanted of it.

use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;

/// What ends the path of a prediction.
const PREDICT: &str = ":predict";

/// The model that a path names, perhaps with its version.
#[derive(Debug, Deserialize)]
pub(crate) struct V1Path {
    pub(super) model: String,
    pub(super) version: Option<String>,
}

/// The model that a prediction is asked of.
#[derive(Debug, PartialEq)]
pub(super) struct PredictedModel<'a> {
    pub(super) model: &'a str,
    pub(super) version: Option<&'a str>,
}

impl V1Path {
    /// The model and the version of a path that ends in `:predict`.
    ///
    /// # Errors
    /// `not_found` for a path that ends otherwise.
    pub(super) fn predicted(&self) -> Result<PredictedModel<'_>, ApiError> {
        let last = self.version.as_deref().unwrap_or(&self.model);
        let Some(named) = last.strip_suffix(PREDICT) else {
            let other = last.split_once(':').map_or_else(
                || "The path of a prediction ends in :predict".to_owned(),
                |(_, verb)| format!("Here is no {verb:?}; a model is asked with :predict"),
            );
            let sentence = format!("{other}, as in POST /v1/models/cifar10:predict.");
            return Err(ApiError::new(ErrorCode::NotFound, sentence));
        };
        Ok(match self.version {
            None => PredictedModel { model: named, version: None },
            Some(_) => PredictedModel { model: &self.model, version: Some(named) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_says_what_is_wanted() {
        let path = |model: &str, version: Option<&str>| V1Path {
            model: model.to_owned(),
            version: version.map(str::to_owned),
        };
        let named = |model, version| Ok(PredictedModel { model, version });
        assert_eq!(path("m:predict", None).predicted().map_err(|it| it.message), named("m", None));
        assert_eq!(path("m", Some("2:predict")).predicted().map_err(|it| it.message), named("m", Some("2")));
        for (path, says) in [
            (path("m", None), "ends in :predict"),
            (path("m:predict", Some("2")), "ends in :predict"),
            (path("m:explain", None), "no \"explain\""),
        ] {
            assert!(path.predicted().is_err_and(|refusal| refusal.message.contains(says)), "{says}");
        }
    }
}
