//! The answers of a response, by the members that it has.

use serde_json::Value;

use super::answer::RowAnswer;
use super::reading::AnswerReading;
use super::{EventPayload, OpaqueForm, v2};
use crate::cloudevents::{EventError, MAX_ROWS};

/// Reads the answers of a response.
///
/// # Errors
/// [`EventError::Payload`], [`EventError::RowsDiffer`], [`EventError::TooManyRows`].
pub(in crate::cloudevents) fn read_answers(
    reading: &AnswerReading<'_>,
    payload: &EventPayload,
) -> Result<Vec<RowAnswer>, EventError> {
    let body = match payload {
        EventPayload::Answered(body) => body,
        EventPayload::Opaque { form: OpaqueForm::Stream, .. } => return Ok(vec![RowAnswer::Raw]),
        EventPayload::Opaque { bytes, problem, .. } => {
            return Err(EventError::Payload(format!("{bytes} bytes: {problem}")));
        }
        EventPayload::Asked(_) => return Err(EventError::Mismatch),
    };
    let list = |name: &str| body.get(name).and_then(Value::as_array);
    let answers = if let Some(predictions) = list("predictions") {
        within(predictions.len())?;
        predictions.iter().map(|prediction| reading.answer(prediction)).collect()
    } else if let Some(outputs) = list("outputs") {
        v2::read_answers(reading, outputs)?
    } else {
        // What the endpoints of OpenAI give: texts, or embeddings in a list.
        let generated = list("choices").or_else(|| list("data").filter(|_| body.get("object").is_some()));
        let rows =
            generated.ok_or_else(|| EventError::Payload("it has neither predictions nor outputs".to_owned()))?.len();
        within(rows)?;
        vec![RowAnswer::Raw; rows]
    };
    within(answers.len())?;
    Ok(answers)
}

/// Refuses more rows than are taken.
fn within(rows: usize) -> Result<(), EventError> {
    if rows > MAX_ROWS { Err(EventError::TooManyRows) } else { Ok(()) }
}
