//! The body of an inference request over HTTP: JSON, and the tensors that stand behind it as bytes.
//!
//! Rule of thumb: the JSON is read once; the numbers of a tensor go straight from its text into one buffer.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use monitoring::ApiError;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::input::{Data, Tensor};
use super::invalid;
use super::request::{InferRequest, RequestedOutput, request_id};
use crate::model::Engine;

/// Header with the length of the JSON where bytes of tensors follow it.
pub(super) const JSON_LENGTH: &str = "inference-header-content-length";

#[derive(Deserialize)]
struct Members<'a> {
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    inputs: Vec<InputTensor<'a>>,
    #[serde(default)]
    outputs: Vec<OutputMembers>,
}

#[derive(Deserialize)]
struct InputTensor<'a> {
    name: String,
    shape: Vec<u64>,
    datatype: String,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OutputMembers {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

/// Those that mean something here; clients send others.
#[derive(Default, Deserialize)]
struct Parameters {
    binary_data_size: Option<usize>,
    binary_data: Option<bool>,
    binary_data_output: Option<bool>,
    classification: Option<NonZeroUsize>,
}

/// Takes a body apart; `named` is told what the client calls its request as soon as that is read.
///
/// # Errors
/// `invalid_request` for what is no request of the protocol; `invalid_input` for other inputs than the model takes.
pub(super) fn parse(
    headers: &HeaderMap,
    body: Bytes,
    engine: &Engine,
    named: impl FnOnce(Option<Arc<str>>),
) -> Result<InferRequest, ApiError> {
    let (json, mut binary) = split(headers, body)?;
    let members: Members<'_> =
        serde_json::from_slice(&json).map_err(|problem| invalid(format!("The JSON cannot be read: {problem}.")))?;
    named(request_id(members.id.as_deref()));
    let outputs = members.outputs.into_iter().map(|output| RequestedOutput {
        name: output.name,
        binary: output.parameters.binary_data,
        classes: output.parameters.classification,
    });
    let tensors = members.inputs.into_iter().map(|input| tensor(input, &mut binary)).collect::<Result<_, _>>()?;
    if !binary.is_empty() {
        return Err(invalid(format!("{} bytes behind the JSON belong to no input.", binary.len())));
    }
    let mut request = InferRequest::new(members.id, tensors, outputs.collect(), engine)?;
    request.binary_output = members.parameters.binary_data_output.unwrap_or(false);
    Ok(request)
}

/// The JSON, and what stands behind it.
fn split(headers: &HeaderMap, mut body: Bytes) -> Result<(Bytes, Bytes), ApiError> {
    let Some(length) = headers.get(JSON_LENGTH) else { return Ok((body, Bytes::new())) };
    let length: Option<usize> = length.to_str().ok().and_then(|text| text.parse().ok());
    let length = length.filter(|length| *length <= body.len()).ok_or_else(|| {
        invalid("Inference-Header-Content-Length must be the number of bytes of the JSON before the tensors.")
    })?;
    let json = body.split_to(length);
    Ok((json, body))
}

/// A tensor, whose bytes are the next of those behind the JSON.
fn tensor<'a>(input: InputTensor<'a>, binary: &mut Bytes) -> Result<Tensor<'a>, ApiError> {
    let InputTensor { name, shape, datatype, parameters, data } = input;
    let data = match (data, parameters.binary_data_size) {
        (None, Some(size)) if size <= binary.len() => Data::Raw(binary.split_to(size)),
        (None, Some(size)) => {
            let found = binary.len();
            return Err(invalid(format!(
                "{name:?} announces {size} bytes behind the JSON, and {found} are left there."
            )));
        }
        (Some(data), None) => Data::Json(data.get()),
        (None, None) => return Err(invalid(format!("{name:?} has neither data nor binary_data_size."))),
        _ => return Err(invalid(format!("{name:?} must have either data or binary_data_size, not both."))),
    };
    let shape = shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    Ok(Tensor { name, datatype, shape, data })
}
