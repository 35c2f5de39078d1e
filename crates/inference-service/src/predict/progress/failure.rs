//! What the log says of a request that has no prediction.
//!
//! Rule of thumb: a value of a row never reaches the log, whichever protocol brought it. A refusal may quote it to its
//! client, who has sent it. So of a model that takes tables the log has the sentences that are known to quote nothing, and in
//! place of all others one that says so. A picture has no value that is anybody's: its refusals are logged as they are.

use std::borrow::Cow;

use monitoring::{ApiError, ErrorCode, LabelEnum as _};

use crate::model::Engine;
use crate::model::features::RefusalReason;

const QUOTES_THE_REQUEST: &str =
    "The request is not one that the model takes; the sentence that says why may quote it, and only the client has it.";

/// The end of a request, as its log line has it.
pub(super) struct LoggedFailure<'a> {
    pub(super) code: ErrorCode,
    pub(super) sentence: Cow<'a, str>,
    pub(super) cause: Option<&'a str>,
    pub(super) refused: Option<RefusedFeature<'a>>,
}

/// A value of a declared feature that was refused.
#[derive(Clone, Copy)]
pub(super) struct RefusedFeature<'a> {
    /// The row, from 0.
    pub(super) row: Option<u64>,
    pub(super) feature: &'a str,
    /// Its place among the model's features.
    pub(super) place: usize,
    pub(super) reason: RefusalReason,
}

impl<'a> LoggedFailure<'a> {
    /// A failure that the service tells of in its own words.
    pub(super) fn told(code: ErrorCode, sentence: &'a str) -> Self {
        Self { code, sentence: Cow::Borrowed(sentence), cause: None, refused: None }
    }

    /// What is logged of a refusal by this model, if one was found.
    pub(super) fn of(refusal: &'a ApiError, engine: Option<&Engine>) -> Self {
        let takes_tables = engine.is_some_and(|engine| engine.config().input.is_none());
        let is_about_the_input = matches!(refusal.code, ErrorCode::InvalidRequest | ErrorCode::InvalidInput);
        let sentence = match &refusal.log_message {
            _ if !takes_tables => &refusal.message,
            Some(message) => message,
            None if is_about_the_input => QUOTES_THE_REQUEST,
            None => &refusal.message,
        };
        let refused = engine.and_then(|engine| RefusedFeature::of(refusal, engine));
        Self { code: refusal.code, sentence: sentence.into(), cause: refusal.cause.as_deref(), refused }
    }
}

impl<'a> RefusedFeature<'a> {
    /// The feature that a refusal names, if it names one of the model's and what was wrong with its value.
    fn of(refusal: &'a ApiError, engine: &Engine) -> Option<Self> {
        let detail = |name: &str| refusal.details.iter().find(|(detail, _)| *detail == name).map(|(_, value)| value);
        let feature = detail("feature")?.as_str()?;
        let place = engine.features()?.position(feature)?;
        let reason = RefusalReason::parse(detail("reason")?.as_str()?)?;
        Some(Self { row: detail("row").and_then(serde_json::Value::as_u64), feature, place, reason })
    }

    pub(super) fn reason_name(&self) -> &'static str {
        self.reason.as_str()
    }
}
