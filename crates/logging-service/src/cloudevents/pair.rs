//! Makes records of a response and its request.

use jiff::Timestamp;
use prediction_record::{ModelDeclaration, PredictionRecord, SCHEMA_VERSION, Status, Task};
use serde_json::{Map, Value, json};

use super::EventError;
use super::event::{CloudEvent, valid_name};
use super::event_id::event_id;
use super::event_kind::EventKind;
use super::failure::CallFailure;
use super::payload::{AnswerReading, EventPayload, FeatureRow, RequestFacts, RowAnswer, read_answers};

/// A longer time between request and response means that a clock was set.
const MAX_LATENCY_SECONDS: f64 = 3600.0;
/// The error type of an answer that is null, NaN or infinite where the model's task is a number or scores.
const NOT_A_NUMBER: &str = "not_a_number";
/// The error type of an answer that can be no class of the model as it is declared.
const UNFIT: &str = "unfit_answer";

/// Makes one record for each prediction of the response, or one of status `error` where the call has failed.
///
/// The declared task of the model says what its answers are. Where nothing is declared, only an answer that says so itself,
/// such as a text, is a classification; any other is stored without its values. A confidence is there only where the model
/// gave one; `extra` says where it comes from (`confidence_source`).
///
/// # Errors
/// [`EventError::Mismatch`] for events that do not belong together; [`EventError::Payload`], for example, for a response
/// from which no prediction can be read.
pub fn pair(
    request: Option<&CloudEvent>,
    response: &CloudEvent,
    declared: &ModelDeclaration,
) -> Result<Vec<PredictionRecord>, EventError> {
    let is_request =
        |request: &CloudEvent| request.kind == EventKind::Request && request.pair_key() == response.pair_key();
    if response.kind != EventKind::Response || !request.is_none_or(is_request) {
        return Err(EventError::Mismatch);
    }
    let template = shared_fields(request, response)?;
    let mut records: Vec<PredictionRecord> = match CallFailure::of(response) {
        Some(failure) => vec![failed(template, failure)],
        None => {
            let answers = read_answers(&AnswerReading::of(declared), &response.payload)?;
            answers.into_iter().map(|answer| answered(template.clone(), answer)).collect()
        }
    };
    if let Some(facts) = request.and_then(asked) {
        add_features(&mut records, facts.features());
    }
    (0..).zip(records).map(|(row, record)| numbered(row, record, response)).collect()
}

/// The fields that all rows share.
fn shared_fields(request: Option<&CloudEvent>, response: &CloudEvent) -> Result<PredictionRecord, EventError> {
    let request_time = request.and_then(|request| request.time);
    Ok(PredictionRecord {
        request_id: Some(response.id.clone()),
        occurred_at: response.time.or(request_time),
        model: response.model()?,
        version: response
            .payload
            .member("model_version")
            .and_then(valid_name)
            .or_else(|| response.endpoint.as_deref().and_then(valid_name)),
        variant: response.endpoint.as_deref().and_then(valid_name),
        latency_seconds: latency(request_time, response.time),
        schema_version: Some(SCHEMA_VERSION),
        extra: extra(request, response),
        ..PredictionRecord::default()
    })
}

fn asked(request: &CloudEvent) -> Option<&RequestFacts> {
    match &request.payload {
        EventPayload::Asked(facts) => Some(facts),
        EventPayload::Answered(_) | EventPayload::Opaque { .. } => None,
    }
}

fn extra(request: Option<&CloudEvent>, response: &CloudEvent) -> Map<String, Value> {
    let shape = request.and_then(asked).and_then(RequestFacts::shape);
    let members = [
        ("namespace", response.namespace.as_ref().map(|text| json!(text))),
        ("component", response.component.as_ref().map(|text| json!(text))),
        ("input_shape", shape.filter(|shape| !shape.is_empty()).map(|shape| json!(shape))),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn answered(mut record: PredictionRecord, answer: RowAnswer) -> PredictionRecord {
    match answer {
        RowAnswer::Class(prediction) => {
            record.label = Some(prediction.label);
            record.class = prediction.class;
            record.confidence = prediction.confidence;
            record.top = prediction.top;
            if let Some(source) = prediction.source {
                record.extra.insert("confidence_source".to_owned(), json!(source.as_str()));
            }
        }
        RowAnswer::Value(value) => {
            record.task = Task::Regression;
            record.value = Some(value);
        }
        RowAnswer::Raw => record.task = Task::Raw,
        RowAnswer::NotANumber | RowAnswer::Unfit => {
            record.status = Status::Error;
            let error_type = if answer == RowAnswer::Unfit { UNFIT } else { NOT_A_NUMBER };
            record.error_type = Some(error_type.to_owned());
        }
    }
    record
}

fn failed(mut record: PredictionRecord, failure: CallFailure) -> PredictionRecord {
    record.status = Status::Error;
    record.error_type = Some(failure.error_type);
    if let Some(message) = failure.message {
        record.extra.insert("error".to_owned(), json!(message));
    }
    record
}

/// Gives each row its features. Where the numbers of rows differ, nobody knows which belong together.
fn add_features(records: &mut [PredictionRecord], rows: &[FeatureRow]) {
    if records.len() == rows.len() {
        for (record, row) in records.iter_mut().zip(rows) {
            record.features.clone_from(&row.kept);
            record.counted_features.clone_from(&row.counted);
        }
    }
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
