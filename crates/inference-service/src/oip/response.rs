//! The answer to an inference request over HTTP: JSON, and the tensors that were wanted as bytes behind it.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use monitoring::REQUEST_ID;
use serde::Serialize;
use utoipa::ToSchema;

use super::json::JSON_LENGTH;
use super::output::{InferAnswer, OutputTensor};
use crate::model::TensorValues;

/// The JSON of an answer.
#[derive(Serialize, ToSchema)]
pub(super) struct InferResponse {
    model_name: String,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<String>,
    outputs: Vec<InferOutput>,
}

/// A tensor that the model answers.
#[derive(Serialize, ToSchema)]
struct InferOutput {
    name: String,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameters: Option<InferOutputParameters>,
    /// The elements, flat; not there if they follow the JSON as bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Value>>, nullable = false)]
    data: Option<TensorValues>,
}

/// The parameters of an output whose bytes follow the JSON.
#[derive(Serialize, ToSchema)]
struct InferOutputParameters {
    binary_data_size: usize,
}

/// Writes the answer.
pub(super) fn response(answer: &InferAnswer, request_id: &str) -> Response {
    let (mut binary, mut has_binary) = (Vec::<u8>::new(), false);
    let outputs = answer.outputs().into_iter().map(|OutputTensor { name, tensor, is_binary }| {
        let (datatype, shape) = (tensor.values().datatype().as_str(), tensor.shape().to_vec());
        if is_binary {
            has_binary = true;
            let bytes = tensor.values().to_bytes();
            binary.extend(&bytes);
            let parameters = Some(InferOutputParameters { binary_data_size: bytes.len() });
            return InferOutput { name, datatype, shape, parameters, data: None };
        }
        InferOutput { name, datatype, shape, parameters: None, data: Some(tensor.into_values()) }
    });
    let members = InferResponse {
        model_name: answer.engine.name().to_owned(),
        model_version: answer.engine.version().to_owned(),
        id: answer.options.id.clone(),
        outputs: outputs.collect(),
    };
    // Names and numbers can always be written.
    let mut body = serde_json::to_vec(&members).unwrap_or_default();
    let id = [(REQUEST_ID, request_id.to_owned())];
    // Tensors without an element are bytes as well, of which there are none.
    if !has_binary {
        return (id, [(CONTENT_TYPE, "application/json")], body).into_response();
    }
    let json_length = [(JSON_LENGTH, body.len().to_string())];
    body.extend(binary);
    (id, json_length, [(CONTENT_TYPE, "application/octet-stream")], body).into_response()
}
