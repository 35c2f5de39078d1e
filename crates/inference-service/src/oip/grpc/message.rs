//! Between the messages of a prediction and what every protocol has in common.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use axum::body::Bytes;
use monitoring::ApiError;

use super::proto::infer_parameter::ParameterChoice;
use super::proto::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use super::proto::model_infer_response::InferOutputTensor;
use super::proto::{InferParameter, ModelInferRequest, ModelInferResponse};
use crate::model::{Engine, Prediction};
use crate::oip::input::{Data, Tensor};
use crate::oip::invalid;
use crate::oip::output::outputs;
use crate::oip::request::{InferRequest, RequestedOutput, only};

type Parameters = HashMap<String, InferParameter>;

/// Takes a message apart.
///
/// # Errors
/// `invalid_request` for what is no request of the protocol; `invalid_input` for other inputs than one of pictures
/// or of numbers.
pub(super) fn request(message: ModelInferRequest) -> Result<InferRequest, ApiError> {
    let ModelInferRequest { id, inputs, outputs, raw_input_contents, .. } = message;
    let outputs = outputs.into_iter().map(requested).collect::<Result<_, _>>()?;
    let input = tensor(only(inputs)?, raw_input_contents)?;
    InferRequest::new(Some(id).filter(|id| !id.is_empty()), input, outputs)
}

/// The answer to `request`: what `engine` says of each item.
pub(super) fn response(request: &InferRequest, engine: &Engine, predictions: &[Prediction]) -> ModelInferResponse {
    let outputs = outputs(request, engine, predictions);
    ModelInferResponse {
        model_name: engine.name().to_owned(),
        model_version: engine.version().to_owned(),
        id: request.id.clone().unwrap_or_default(),
        raw_output_contents: outputs.iter().map(|output| output.elements.bytes().into()).collect(),
        outputs: outputs
            .into_iter()
            .map(|output| InferOutputTensor {
                name: output.name,
                datatype: output.datatype.to_owned(),
                shape: output.shape.map(|size| size as i64).to_vec(),
                ..InferOutputTensor::default()
            })
            .collect(),
        ..ModelInferResponse::default()
    }
}

fn tensor(input: InferInputTensor, raw: Vec<Bytes>) -> Result<Tensor<'static>, ApiError> {
    let InferInputTensor { name, datatype, shape, contents, .. } = input;
    let data = match (contents, <[Bytes; 1]>::try_from(raw)) {
        (None, Ok([bytes])) => Data::Raw(bytes),
        (Some(contents), Err(raw)) if raw.is_empty() => match datatype.as_str() {
            "BYTES" => Data::Elements(contents.bytes_contents),
            _ => Data::Numbers(contents.fp32_contents),
        },
        (None, Err(raw)) if raw.is_empty() => {
            return Err(invalid(format!("{name:?} has neither contents nor an entry in raw_input_contents.")));
        }
        (None, Err(raw)) => {
            return Err(invalid(format!("raw_input_contents has {} entries for one input.", raw.len())));
        }
        (Some(_), _) => {
            return Err(invalid(format!("{name:?} must have either contents or raw_input_contents, not both.")));
        }
    };
    let shape = shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    Ok(Tensor { name, datatype, shape, data })
}

fn requested(output: InferRequestedOutputTensor) -> Result<RequestedOutput, ApiError> {
    let classes = classification(&output.parameters)?;
    Ok(RequestedOutput { name: output.name, binary: None, classes })
}

fn classification(parameters: &Parameters) -> Result<Option<NonZeroUsize>, ApiError> {
    let Some(InferParameter { parameter_choice }) = parameters.get("classification") else { return Ok(None) };
    let classes = match parameter_choice {
        Some(ParameterChoice::Int64Param(classes)) => usize::try_from(*classes).ok(),
        Some(ParameterChoice::Uint64Param(classes)) => usize::try_from(*classes).ok(),
        _ => None,
    };
    let classes = classes.and_then(NonZeroUsize::new);
    classes.map(Some).ok_or_else(|| invalid("classification must be a whole number, 1 or more."))
}
