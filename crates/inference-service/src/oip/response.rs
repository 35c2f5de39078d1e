//! The answer to an inference request: JSON, and the tensors that were wanted as bytes behind it.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use monitoring::REQUEST_ID;
use serde::Serialize;

use super::request::{InferRequest, JSON_LENGTH, RequestedOutput};
use super::tensors;
use crate::model::{Engine, Prediction};

#[derive(Serialize)]
struct Members<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Output<'a>>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: [usize; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

impl Data {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Numbers(numbers) => tensors::from_floats(numbers.iter().copied()),
            Self::Texts(texts) => tensors::from_texts(texts),
        }
    }
}

/// Answers `request` with what `engine` says of each item.
pub(super) fn response(
    request: &InferRequest,
    engine: &Engine,
    predictions: &[Prediction],
    request_id: &str,
) -> Response {
    let mut binary: Vec<u8> = Vec::new();
    let all: Vec<RequestedOutput>;
    let wanted = if request.outputs.is_empty() {
        let every = engine.signature().outputs.iter();
        all = every.map(|spec| RequestedOutput { name: spec.name.clone(), binary: None, classes: None }).collect();
        &all
    } else {
        &request.outputs
    };
    let outputs = wanted.iter().map(|output| {
        let (datatype, width, data) = content(output, predictions);
        let (parameters, data) = if output.binary.unwrap_or(request.binary_output) {
            let bytes = data.bytes();
            binary.extend(&bytes);
            (Some(BinarySize { binary_data_size: bytes.len() }), None)
        } else {
            (None, Some(data))
        };
        Output { name: &output.name, datatype, shape: [predictions.len(), width], parameters, data }
    });
    let members = Members {
        model_name: engine.name(),
        model_version: engine.version(),
        id: request.id.as_deref(),
        outputs: outputs.collect(),
    };
    // Names and finite numbers can always be written.
    let mut body = serde_json::to_vec(&members).unwrap_or_default();
    let id = [(REQUEST_ID, request_id.to_owned())];
    if binary.is_empty() {
        return (id, [(CONTENT_TYPE, "application/json")], body).into_response();
    }
    let json_length = [(JSON_LENGTH, body.len().to_string())];
    body.extend(binary);
    (id, json_length, [(CONTENT_TYPE, "application/octet-stream")], body).into_response()
}

fn content(output: &RequestedOutput, predictions: &[Prediction]) -> (&'static str, usize, Data) {
    match output.classes {
        None => {
            let width = predictions.first().map_or(0, |prediction| prediction.logits.len());
            let numbers = predictions.iter().flat_map(|prediction| prediction.logits.iter().copied()).collect();
            ("FP32", width, Data::Numbers(numbers))
        }
        Some(classes) => {
            let top = |prediction: &Prediction| prediction.top.len().min(classes.get());
            let width = predictions.first().map_or(0, top);
            let texts = predictions.iter().flat_map(|prediction| {
                let told = prediction.top.iter().take(width);
                told.map(|score| format!("{:.6}:{}:{}", score.confidence, score.class, score.label))
            });
            ("BYTES", width, Data::Texts(texts.collect()))
        }
    }
}
