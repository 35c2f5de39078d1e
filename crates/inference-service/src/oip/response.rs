//! The answer to an inference request over HTTP: JSON, and the tensors that were wanted as bytes behind it.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use monitoring::REQUEST_ID;
use serde::Serialize;

use super::json::JSON_LENGTH;
use super::output::outputs;
use super::request::InferRequest;
use crate::model::{Engine, Prediction, TensorValues};

#[derive(Serialize)]
struct Members<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Output>,
}

#[derive(Serialize)]
struct Output {
    name: String,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<TensorValues>,
}

#[derive(Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

/// Answers `request` with what `engine` says of each item.
pub(super) fn response(
    request: &InferRequest,
    engine: &Engine,
    predictions: &[Prediction],
    request_id: &str,
) -> Response {
    let mut binary: Vec<u8> = Vec::new();
    let outputs = outputs(request, engine, predictions).into_iter().map(|output| {
        let (datatype, shape) = (output.tensor.values().datatype().as_str(), output.tensor.shape().to_vec());
        let (parameters, data) = if output.binary {
            let bytes = output.tensor.values().to_bytes();
            binary.extend(&bytes);
            (Some(BinarySize { binary_data_size: bytes.len() }), None)
        } else {
            (None, Some(output.tensor.into_values()))
        };
        Output { name: output.name, datatype, shape, parameters, data }
    });
    let members = Members {
        model_name: engine.name(),
        model_version: engine.version(),
        id: request.id.as_deref(),
        outputs: outputs.collect(),
    };
    // Names and numbers can always be written.
    let mut body = serde_json::to_vec(&members).unwrap_or_default();
    let id = [(REQUEST_ID, request_id.to_owned())];
    if binary.is_empty() {
        return (id, [(CONTENT_TYPE, "application/json")], body).into_response();
    }
    let json_length = [(JSON_LENGTH, body.len().to_string())];
    body.extend(binary);
    (id, json_length, [(CONTENT_TYPE, "application/octet-stream")], body).into_response()
}
