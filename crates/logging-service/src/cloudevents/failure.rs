//! Answers that are no predictions because the call has failed: texts, pages, empty bodies, errors in JSON.
//!
//! Rule of thumb: the type of a failure is one of a few words or an HTTP status, and the text of the model or its proxy
//! stands beside it, cut.

use serde_json::Value;

use super::event::CloudEvent;
use super::payload::{EventPayload, OpaqueForm};
use super::shortened;

/// The most characters of an error message that are kept.
const MAX_MESSAGE_CHARS: usize = 256;
/// The members of an answer that hold its predictions.
const ANSWERS: [&str; 3] = ["predictions", "outputs", "choices"];
/// The members that say what went wrong: KServe, FastAPI, OpenAI, vLLM, Spring, RFC 9457 and cloud gateways.
const PROBLEMS: [&str; 9] =
    ["error", "errors", "detail", "message", "error_message", "msg", "exception", "reason", "title"];

/// How a call has failed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CallFailure {
    /// `http_` and the status, or one of a few words.
    pub(super) error_type: String,
    /// What the model or a proxy in front of it said.
    pub(super) message: Option<String>,
}

impl CallFailure {
    /// How the call of this response has failed; `None` for one that holds an answer, readable or not.
    pub(super) fn of(response: &CloudEvent) -> Option<Self> {
        let status = response.status_code.filter(|status| *status >= 400);
        let (word, body_status, message) = match &response.payload {
            EventPayload::Answered(body) if status.is_none() && !is_error(body) => return None,
            EventPayload::Answered(body) => ("model_error", body_status(body), Some(message_of(body))),
            EventPayload::Opaque { form: OpaqueForm::Stream, .. } if status.is_none() => return None,
            EventPayload::Opaque { form, text, .. } => (form.failure(), None, text.clone()),
            EventPayload::Asked(_) => return None,
        };
        let error_type = match status.or(body_status) {
            Some(status @ 400..=599) => format!("http_{status}"),
            Some(_) => "http_error".to_owned(),
            None => word.to_owned(),
        };
        let message = message.map(|text| shortened(text.trim(), MAX_MESSAGE_CHARS)).filter(|text| !text.is_empty());
        Some(Self { error_type, message })
    }
}

/// Whether JSON without predictions says that something went wrong.
fn is_error(body: &Value) -> bool {
    match body {
        Value::Null | Value::String(_) => true,
        Value::Object(members) => {
            let is_answer = ANSWERS.iter().any(|name| members.get(*name).is_some_and(Value::is_array));
            !is_answer && PROBLEMS.iter().any(|name| members.get(*name).is_some_and(|member| !member.is_null()))
        }
        _ => false,
    }
}

/// The HTTP status that the JSON of an error names.
fn body_status(body: &Value) -> Option<u16> {
    let named = |value: &Value| {
        let number =
            ["code", "status", "status_code", "statusCode"].iter().find_map(|name| value.get(name)?.as_u64())?;
        u16::try_from(number).ok().filter(|status| (400..600).contains(status))
    };
    named(body).or_else(|| named(body.get("error")?))
}

fn message_of(body: &Value) -> String {
    match body {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            match PROBLEMS.iter().find_map(|name| members.get(*name).filter(|it| !it.is_null())) {
                Some(inner) => message_of(inner),
                None => body.to_string(),
            }
        }
        other => other.to_string(),
    }
}
