//! The events of KServe's agent become records, in whatever form and order they come.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod declared;
mod failures;
mod features;
mod forms;
mod garbage;
mod pairing;
mod payloads;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use logging_service::cloudevents::{self, CloudEvent, EventError};
use prediction_record::{ModelDeclaration, PredictionRecord};
use serde_json::Value;

const ID: &str = "8a7f2a54-3b0e-4f7c-9a51-5f0ad4a0e1c2";

/// The headers of an event in binary mode, as KServe's agent sends them; `kind` is `request` or `response`.
fn headers(kind: &str, time: &str) -> HeaderMap {
    let kind = format!("org.kubeflow.serving.inference.{kind}");
    [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", ID),
        ("ce-source", "http://localhost:9081/"),
        ("ce-time", time),
        ("ce-type", kind.as_str()),
        ("ce-inferenceservicename", "flowers"),
        ("ce-namespace", "default"),
        ("ce-component", "predictor"),
        ("ce-endpoint", "canary"),
    ]
    .into_iter()
    .map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap()))
    .collect()
}

/// Reads events of models about which nothing is declared.
fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Vec<CloudEvent>, EventError> {
    let events = cloudevents::parse(headers, body)?;
    events.into_iter().map(|event| Ok(event?.with_features(&ModelDeclaration::default()))).collect()
}

/// The records of a model about which nothing is declared.
fn pair(request: Option<&CloudEvent>, response: &CloudEvent) -> Result<Vec<PredictionRecord>, EventError> {
    cloudevents::pair(request, response, &ModelDeclaration::default())
}

/// What JSON declares.
fn declaration(json: Value) -> ModelDeclaration {
    let declared: ModelDeclaration = serde_json::from_value(json).unwrap();
    declared.validate().unwrap();
    declared
}

fn post(kind: &str, time: &str, body: &[u8]) -> Result<CloudEvent, EventError> {
    parse(&headers(kind, time), body).map(|mut events| events.remove(0))
}

fn request(body: &Value) -> CloudEvent {
    post("request", "2026-03-01T10:00:00Z", body.to_string().as_bytes()).unwrap()
}

fn response(body: &Value) -> CloudEvent {
    post("response", "2026-03-01T10:00:00.25Z", body.to_string().as_bytes()).unwrap()
}
