//! The body of an inference request: JSON, and the tensors that stand behind it as bytes.
//!
//! Rule of thumb: the JSON is read once; the numbers of a tensor go straight from its text into one buffer.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::tensors;
use crate::input::Numbers;
use crate::model::Signature;
use crate::predict::{self, Inputs};

/// Header with the length of the JSON where bytes of tensors follow it.
pub(super) const JSON_LENGTH: &str = "inference-header-content-length";
const MAX_RANK: usize = 8;
const MAX_OUTPUTS: usize = 16;

/// A request, taken apart.
pub(super) struct InferRequest {
    /// What the client calls it; given back.
    pub(super) id: Option<String>,
    /// The outputs that it asks for; none: all of them.
    pub(super) outputs: Vec<RequestedOutput>,
    /// Whether outputs that do not say so themselves come as bytes.
    pub(super) binary_output: bool,
    input: Input,
}

/// One output that is asked for.
pub(super) struct RequestedOutput {
    pub(super) name: String,
    pub(super) binary: Option<bool>,
    /// Instead of its numbers, that many of the likeliest classes as `confidence:class:label`.
    pub(super) classes: Option<NonZeroUsize>,
}

struct Input {
    name: String,
    inputs: Inputs,
}

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

impl InferRequest {
    /// Takes a body apart.
    ///
    /// # Errors
    /// `invalid_request` for what is no request of the protocol; `invalid_input` for other inputs than one of pictures
    /// or of numbers.
    pub(super) fn parse(headers: &HeaderMap, body: Bytes) -> Result<Self, ApiError> {
        let (json, binary) = split(headers, body)?;
        let members: Members<'_> =
            serde_json::from_slice(&json).map_err(|problem| invalid(format!("The JSON cannot be read: {problem}.")))?;
        if members.outputs.len() > MAX_OUTPUTS {
            return Err(invalid(format!("The request asks for more than {MAX_OUTPUTS} outputs.")));
        }
        let outputs = members.outputs.into_iter().map(|output| RequestedOutput {
            name: output.name,
            binary: output.parameters.binary_data,
            classes: output.parameters.classification,
        });
        let [input] = <[InputTensor<'_>; 1]>::try_from(members.inputs).map_err(|inputs: Vec<_>| {
            unfit(format!("The request has {} inputs; the model takes one.", inputs.len()))
        })?;
        Ok(Self {
            id: members.id,
            outputs: outputs.collect(),
            binary_output: members.parameters.binary_data_output.unwrap_or(false),
            input: Input { name: input.name.clone(), inputs: read(input, binary)? },
        })
    }

    /// The inputs, if the model has an input and outputs of the names that were asked for.
    ///
    /// # Errors
    /// `invalid_input`, saying which names there are.
    pub(super) fn inputs_for(&mut self, signature: &Signature) -> Result<Inputs, ApiError> {
        let names = |specs: &[crate::model::TensorSpec]| {
            specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>().join(", ")
        };
        if signature.inputs.iter().all(|spec| spec.name != self.input.name) {
            let (found, there_is) = (&self.input.name, names(&signature.inputs));
            return Err(unfit(format!("The model has no input {found:?}; it has: {there_is}.")));
        }
        for RequestedOutput { name, .. } in &self.outputs {
            if signature.outputs.iter().all(|spec| spec.name != *name) {
                let there_is = names(&signature.outputs);
                return Err(unfit(format!("The model has no output {name:?}; it has: {there_is}.")));
            }
        }
        Ok(std::mem::replace(&mut self.input.inputs, Inputs::Images(Vec::new())))
    }

    /// The id as that of the request in logs, if it can be one.
    pub(super) fn request_id(&self) -> Option<Arc<str>> {
        self.id.as_deref().filter(|id| predict::is_request_id(id)).map(Arc::from)
    }

    /// How many classes are to be told of.
    pub(super) fn top_k(&self) -> NonZeroUsize {
        self.outputs.iter().filter_map(|output| output.classes).max().unwrap_or(NonZeroUsize::MIN)
    }
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

fn read(tensor: InputTensor<'_>, binary: Bytes) -> Result<Inputs, ApiError> {
    let InputTensor { name, shape, datatype, parameters, data } = tensor;
    let sizes: Option<Vec<usize>> = shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    let sizes = sizes.filter(|sizes| (1..=MAX_RANK).contains(&sizes.len()));
    let count = sizes.as_ref().and_then(|sizes| sizes.iter().try_fold(1_usize, |a, b| a.checked_mul(*b)));
    let (Some(sizes), Some(count)) = (sizes, count) else {
        return Err(invalid(format!("The shape of {name:?} must have 1 to {MAX_RANK} dimensions of sensible size.")));
    };
    let binary = match (data, parameters.binary_data_size) {
        (None, Some(size)) if size == binary.len() => Some(binary),
        (None, Some(size)) => {
            let found = binary.len();
            return Err(invalid(format!("{name:?} announces {size} bytes behind the JSON, and there are {found}.")));
        }
        (Some(_), None) if binary.is_empty() => None,
        (None, None) => return Err(invalid(format!("{name:?} has neither data nor binary_data_size."))),
        _ => return Err(invalid(format!("{name:?} must have either data or binary_data_size, not both."))),
    };
    let text = data.map(RawValue::get).unwrap_or_default();
    match (datatype.as_str(), binary) {
        ("FP32", Some(bytes)) => {
            Ok(Inputs::Tensors(Numbers::Array { values: tensors::floats(&bytes, count)?, shape: sizes }))
        }
        ("FP32", None) => {
            let numbers: Numbers = serde_json::from_str(text).map_err(|problem| unread(&name, &problem))?;
            Ok(Inputs::Tensors(shaped(numbers, count, sizes)?))
        }
        ("BYTES", Some(bytes)) => Ok(Inputs::Images(tensors::elements(bytes, count)?)),
        ("BYTES", None) => {
            let images: Vec<String> = serde_json::from_str(text).map_err(|problem| unread(&name, &problem))?;
            match images.len() == count {
                true => Ok(Inputs::Base64(images)),
                false => Err(invalid(format!("{name:?} has {} elements, and its shape {count}.", images.len()))),
            }
        }
        _ => Err(unfit(format!(
            "The datatype of {name:?} is {datatype:?}; the model takes FP32, or pictures (JPEG, PNG, WebP, BMP) as BYTES."
        ))),
    }
}

/// Flat or nested, numbers have the shape that the request states.
fn shaped(numbers: Numbers, count: usize, shape: Vec<usize>) -> Result<Numbers, ApiError> {
    match numbers {
        Numbers::Array { values, .. } if values.len() != count => {
            let sentence = format!("The data has {} numbers, and its shape {shape:?} {count}.", values.len());
            Err(unfit(sentence))
        }
        Numbers::Array { values, .. } => Ok(Numbers::Array { values, shape }),
        invalid @ Numbers::Invalid(_) => Ok(invalid),
    }
}

fn unread(name: &str, problem: &serde_json::Error) -> ApiError {
    invalid(format!("The data of {name:?} cannot be read: {problem}."))
}

fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}

fn unfit(sentence: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence)
}
