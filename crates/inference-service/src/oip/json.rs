//! The body of an inference request over HTTP: JSON, and the tensors that stand behind it as bytes.
//!
//! Rule of thumb: the JSON is read once; the numbers of a tensor go straight from its text into one buffer.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use axum::body::Bytes;
use axum::http::HeaderMap;
use monitoring::ApiError;
use prediction_record::{Tags, read_json};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::input::{RequestTensor, TensorData};
use super::refusal::invalid;
use super::request::{AnswerOptions, InferRequest, RequestedOutput};
use super::tags::parameter_tags;
use crate::model::Engine;

/// Header with the length of the JSON where bytes of tensors follow it.
pub(super) const JSON_LENGTH: &str = "inference-header-content-length";

/// A body: its JSON, and the bytes of tensors that follow it.
pub(super) struct InferBody {
    pub(super) json: Bytes,
    pub(super) binary: Bytes,
}

/// The members of the JSON.
#[derive(Deserialize, ToSchema)]
#[schema(as = InferRequest)]
pub(super) struct InferMembers<'a> {
    /// Given back; also the request's id in logs and in the prediction log.
    #[schema(max_length = 128)]
    pub(super) id: Option<String>,
    parameters: Option<InferParameters>,
    #[serde(borrow)]
    #[schema(min_items = 1)]
    inputs: Vec<InferInput<'a>>,
    /// The outputs that are wanted; all if it is left out or empty.
    outputs: Option<Vec<InferRequestedOutput>>,
}

/// The parameters of a request that mean something here; clients send others.
#[derive(Default, Deserialize, ToSchema)]
struct InferParameters {
    /// Whether outputs that do not say so themselves come as bytes.
    binary_data_output: Option<bool>,
    /// The segments that the predictions belong to, such as `region=eu,tier=gold`. Each may stand by itself as well, as the
    /// text `tag_region`.
    tags: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    others: BTreeMap<String, Value>,
}

/// A tensor that the model is asked with.
#[derive(Deserialize, ToSchema)]
struct InferInput<'a> {
    name: String,
    /// Empty for a scalar.
    #[schema(max_items = 64)]
    shape: Vec<u64>,
    /// As the model's metadata has it; BYTES for pictures as base64.
    datatype: String,
    parameters: Option<InferInputParameters>,
    /// The elements, nested or flat.
    #[serde(borrow)]
    #[schema(value_type = Option<Value>)]
    data: Option<&'a RawValue>,
}

/// The parameters of an input.
#[derive(Default, Deserialize, ToSchema)]
struct InferInputParameters {
    /// How many of the bytes behind the JSON are this tensor's.
    #[schema(maximum = 4294967295u32)]
    binary_data_size: Option<usize>,
}

/// An output that is asked for.
#[derive(Deserialize, ToSchema)]
struct InferRequestedOutput {
    name: String,
    parameters: Option<InferRequestedOutputParameters>,
}

/// The parameters of an output that is asked for.
#[derive(Default, Deserialize, ToSchema)]
struct InferRequestedOutputParameters {
    /// Whether the output comes as bytes.
    binary_data: Option<bool>,
    /// That many classes as text, instead of numbers.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4294967295u32)]
    classification: Option<NonZeroU32>,
}

impl InferBody {
    /// Parts the JSON from what follows it.
    ///
    /// # Errors
    /// `invalid_request` for a header that is no length, or one beyond the body's end.
    pub(super) fn split(headers: &HeaderMap, mut body: Bytes) -> Result<Self, ApiError> {
        let Some(length) = headers.get(JSON_LENGTH) else { return Ok(Self { json: body, binary: Bytes::new() }) };
        let length: Option<usize> = length.to_str().ok().and_then(|text| text.parse().ok());
        let length = length.filter(|length| *length <= body.len()).ok_or_else(|| {
            invalid("Inference-Header-Content-Length must be the number of bytes of the JSON before the tensors.")
        })?;
        Ok(Self { json: body.split_to(length), binary: body })
    }
}

impl<'a> InferMembers<'a> {
    /// # Errors
    /// `invalid_request` for anything else than a request of the protocol.
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, ApiError> {
        read_json(json).map_err(|problem| invalid(format!("The JSON cannot be read: {problem}.")))
    }

    /// The tags among the parameters.
    ///
    /// # Errors
    /// As [`parameter_tags`].
    pub(super) fn tags(&self) -> Result<Tags, ApiError> {
        let Some(InferParameters { tags, others, .. }) = &self.parameters else { return Ok(Tags::new()) };
        let whole = tags.as_deref().map(|text| ("tags", Some(text)));
        parameter_tags(whole.into_iter().chain(others.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
    }

    /// Gives each tensor its bytes of `binary`, in the order of the inputs.
    ///
    /// # Errors
    /// `invalid_request` for bytes that are missing or too many; or as [`InferRequest::new`].
    pub(super) fn into_request(self, mut binary: Bytes, engine: &Engine) -> Result<InferRequest, ApiError> {
        let outputs = self.outputs.into_iter().flatten().map(|output| {
            let InferRequestedOutputParameters { binary_data, classification } = output.parameters.unwrap_or_default();
            let classes = classification.and_then(|classes| classes.try_into().ok());
            RequestedOutput { name: output.name, binary: binary_data, classes }
        });
        let tensors = self.inputs.into_iter().map(|input| tensor(input, &mut binary)).collect::<Result<_, _>>()?;
        if !binary.is_empty() {
            return Err(invalid(format!("{} bytes behind the JSON belong to no input.", binary.len())));
        }
        let binary_output = self.parameters.unwrap_or_default().binary_data_output.unwrap_or(false);
        InferRequest::new(tensors, AnswerOptions { id: self.id, outputs: outputs.collect(), binary_output }, engine)
    }
}

/// A tensor. If its data do not stand in the JSON, they are the next bytes of `binary`.
fn tensor<'a>(input: InferInput<'a>, binary: &mut Bytes) -> Result<RequestTensor<'a>, ApiError> {
    let InferInput { name, shape, datatype, parameters, data } = input;
    let data = match (data, parameters.unwrap_or_default().binary_data_size) {
        (None, Some(size)) if size <= binary.len() => TensorData::Raw(binary.split_to(size)),
        (None, Some(size)) => {
            let found = binary.len();
            return Err(invalid(format!(
                "\"{name}\" announces {size} bytes behind the JSON, and {found} are left there."
            )));
        }
        (Some(data), None) => TensorData::Json(data.get()),
        (None, None) => return Err(invalid(format!("\"{name}\" has neither data nor binary_data_size."))),
        _ => return Err(invalid(format!("\"{name}\" must have either data or binary_data_size, not both."))),
    };
    let shape = shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    Ok(RequestTensor { name, datatype, shape, data })
}
