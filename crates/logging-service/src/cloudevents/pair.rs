//! Makes records of a response and its request.

use jiff::Timestamp;
use prediction_record::{MAX_NAME_CHARS, PredictionRecord, SCHEMA_VERSION, Status};
use serde_json::{Map, Value, json};

use super::event::CloudEvent;
use super::event_id::event_id;
use super::event_kind::EventKind;
use super::payload::{EventPayload, RowPrediction, read_predictions};
use super::{EventError, shortened};

/// A longer time between request and response means that a clock was set.
const MAX_LATENCY_SECONDS: f64 = 3600.0;
/// The most characters of a model's error message that are kept.
const MAX_MESSAGE_CHARS: usize = 256;

/// Makes one record for each prediction of the response, or one of status `error` where the model refused.
///
/// `extra` says where the confidence comes from (`confidence_source`): if the model gave none, it is 1.0 and the source
/// is `none`.
///
/// # Errors
/// [`EventError::Mismatch`] for events that do not belong together; [`EventError::Payload`], for example, for a response
/// from which no prediction can be read.
pub fn pair(request: Option<&CloudEvent>, response: &CloudEvent) -> Result<Vec<PredictionRecord>, EventError> {
    let is_request =
        |request: &CloudEvent| request.kind == EventKind::Request && request.pair_key() == response.pair_key();
    if response.kind != EventKind::Response || !request.is_none_or(is_request) {
        return Err(EventError::Mismatch);
    }
    let body = response.payload.answered()?;
    let template = shared_fields(request, response, body)?;
    let records: Vec<PredictionRecord> = match body.get("error").or_else(|| body.get("detail")) {
        Some(problem) if body.get("predictions").or_else(|| body.get("outputs")).is_none() => {
            vec![failed(template, problem)]
        }
        _ => read_predictions(body)?.into_iter().map(|prediction| answered(template.clone(), prediction)).collect(),
    };
    (0..).zip(records).map(|(row, record)| numbered(row, record, response)).collect()
}

/// The fields that all rows share.
fn shared_fields(
    request: Option<&CloudEvent>,
    response: &CloudEvent,
    body: &Value,
) -> Result<PredictionRecord, EventError> {
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    let model = response.inference_service.as_deref().or(member("model_name")).unwrap_or(&response.source);
    let request_time = request.and_then(|request| request.time);
    Ok(PredictionRecord {
        request_id: Some(response.id.clone()),
        occurred_at: response.time.or(request_time),
        model: valid_name(model).ok_or(EventError::MissingAttribute("inferenceservicename"))?,
        version: member("model_version")
            .and_then(valid_name)
            .or_else(|| response.endpoint.as_deref().and_then(valid_name)),
        variant: response.endpoint.as_deref().and_then(valid_name),
        latency_seconds: latency(request_time, response.time),
        schema_version: Some(SCHEMA_VERSION),
        extra: extra(request, response),
        ..PredictionRecord::default()
    })
}

fn extra(request: Option<&CloudEvent>, response: &CloudEvent) -> Map<String, Value> {
    let shape = request.and_then(|request| match &request.payload {
        EventPayload::Asked(facts) => facts.shape(),
        EventPayload::Answered(_) | EventPayload::Opaque { .. } => None,
    });
    let members = [
        ("namespace", response.namespace.as_ref().map(|text| json!(text))),
        ("component", response.component.as_ref().map(|text| json!(text))),
        ("input_shape", shape.filter(|shape| !shape.is_empty()).map(|shape| json!(shape))),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn answered(mut record: PredictionRecord, prediction: RowPrediction) -> PredictionRecord {
    record.label = Some(prediction.label);
    record.class = prediction.class;
    record.confidence = Some(prediction.confidence);
    record.top = prediction.top;
    record.extra.insert("confidence_source".to_owned(), json!(prediction.source.as_str()));
    record
}

fn failed(mut record: PredictionRecord, problem: &Value) -> PredictionRecord {
    let message = problem.as_str().map_or_else(|| problem.to_string(), str::to_owned);
    record.status = Status::Error;
    record.error_type = Some("model_error".to_owned());
    record.extra.insert("error".to_owned(), json!(shortened(&message, MAX_MESSAGE_CHARS)));
    record
}

fn numbered(row: u32, mut record: PredictionRecord, response: &CloudEvent) -> Result<PredictionRecord, EventError> {
    record.row_index = row;
    record.event_id = Some(event_id(response, row));
    record.validate()?;
    Ok(record)
}

fn latency(request: Option<Timestamp>, response: Option<Timestamp>) -> Option<f64> {
    let seconds = response?.duration_since(request?).as_secs_f64();
    (0.0..=MAX_LATENCY_SECONDS).contains(&seconds).then_some(seconds)
}

/// Turns text into a name that a record may carry: characters that a name may not contain become `-`.
fn valid_name(text: &str) -> Option<String> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = text.chars().map(allowed).take(MAX_NAME_CHARS).collect();
    let name = name.trim_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}
