//! The options of a prediction: which model, which version, how many classes.

use std::num::{NonZeroU32, NonZeroUsize};

use axum::extract::Query as UrlQuery;
use axum::http::Uri;
use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use utoipa::IntoParams;

pub(super) const BAD_TOP_K: &str = "top_k must be a whole number from 1 to 4294967295";
const MAX_REQUEST_ID_CHARS: usize = 128;

/// The options of `POST /predict`, which stand in its query, in a form, or in JSON.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PredictOptions {
    /// Name of the model; may be left out where one is the default.
    #[param(example = "cifar10")]
    pub(super) model: Option<String>,
    /// Version of the model; the one that serves if it is left out.
    #[param(example = "1")]
    pub(super) version: Option<String>,
    /// How many of the likeliest classes to tell of, or all where there are fewer; 1 if it is left out.
    #[serde(default, deserialize_with = "read_top_k")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 4294967295u32, example = 3)]
    pub(super) top_k: Option<NonZeroU32>,
}

impl PredictOptions {
    /// # Errors
    /// `invalid_request` for unknown options, and for values that they cannot have.
    pub(super) fn from_query(uri: &Uri) -> Result<Self, ApiError> {
        UrlQuery::try_from_uri(uri).map(|UrlQuery(query)| query).map_err(|problem| {
            let problem = problem.body_text();
            let problem = problem.strip_prefix("Failed to deserialize query string: ").unwrap_or(&problem);
            ApiError::new(ErrorCode::InvalidRequest, format!("The query cannot be read: {problem}."))
        })
    }

    /// The options of the query, where the body does not have its own.
    pub(super) fn overridden_by(self, body: Self) -> Self {
        Self {
            model: body.model.or(self.model),
            version: body.version.or(self.version),
            top_k: body.top_k.or(self.top_k),
        }
    }

    /// How many classes to tell of.
    pub(super) fn top_k(&self) -> NonZeroUsize {
        self.top_k.and_then(|top_k| top_k.try_into().ok()).unwrap_or(NonZeroUsize::MIN)
    }
}

pub(super) fn read_top_k<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU32>, D::Error> {
    Option::deserialize(deserializer).map_err(|_| D::Error::custom(BAD_TOP_K))
}

/// Whether a text can be the id of a request: 1 to 128 visible ASCII characters.
pub(super) fn is_request_id(text: &str) -> bool {
    (1..=MAX_REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
