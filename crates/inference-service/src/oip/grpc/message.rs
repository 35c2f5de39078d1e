//! The messages of a prediction, from and to what every protocol has in common.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use axum::body::Bytes;
use monitoring::ApiError;
use prediction_record::Tags;

use super::proto::infer_parameter::ParameterChoice;
use super::proto::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use super::proto::model_infer_response::InferOutputTensor;
use super::proto::{InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse};
use crate::model::tensor::TensorElement;
use crate::model::{Datatype, Engine, TensorValues};
use crate::oip::input::{RequestTensor, TensorData};
use crate::oip::output::InferAnswer;
use crate::oip::refusal::invalid;
use crate::oip::request::{AnswerOptions, InferRequest, RequestedOutput};
use crate::oip::tags::parameter_tags;

type MessageParameters = HashMap<String, InferParameter>;

/// Takes a message apart.
///
/// # Errors
/// `invalid_request` for what is no request of the protocol; `invalid_input` for other inputs than the model takes.
pub(super) fn request(message: ModelInferRequest, engine: &Engine) -> Result<InferRequest, ApiError> {
    let ModelInferRequest { id, inputs, outputs, raw_input_contents, .. } = message;
    let outputs = outputs.into_iter().map(requested).collect::<Result<_, _>>()?;
    let is_raw = !inputs.is_empty() && !raw_input_contents.is_empty();
    if is_raw && raw_input_contents.len() != inputs.len() {
        let (found, inputs) = (raw_input_contents.len(), inputs.len());
        return Err(invalid(format!("raw_input_contents has {found} entries for {inputs} inputs.")));
    }
    let mut raw = raw_input_contents.into_iter();
    let tensors = inputs.into_iter().map(|input| tensor(input, raw.next())).collect::<Result<_, _>>()?;
    let options = AnswerOptions { id: Some(id).filter(|id| !id.is_empty()), outputs, binary_output: true };
    InferRequest::new(tensors, options, engine)
}

/// The tags among the parameters.
///
/// # Errors
/// As [`parameter_tags`].
pub(super) fn tags(message: &ModelInferRequest) -> Result<Tags, ApiError> {
    let text = |parameter: &'_ InferParameter| match &parameter.parameter_choice {
        Some(ParameterChoice::StringParam(text)) => Some(text.clone()),
        _ => None,
    };
    let parameters: Vec<_> = message.parameters.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    parameter_tags(parameters.iter().map(|(name, value)| (*name, value.as_deref())))
}

/// In messages, a text that is not given is empty.
pub(super) fn named(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Writes the answer.
pub(super) fn response(answer: &InferAnswer) -> ModelInferResponse {
    let outputs = answer.outputs();
    ModelInferResponse {
        model_name: answer.engine.name().to_owned(),
        model_version: answer.engine.version().to_owned(),
        id: answer.options.id.clone().unwrap_or_default(),
        raw_output_contents: outputs.iter().map(|output| output.tensor.values().to_bytes().into()).collect(),
        outputs: outputs
            .into_iter()
            .map(|output| InferOutputTensor {
                name: output.name,
                datatype: output.tensor.values().datatype().as_str().to_owned(),
                shape: output.tensor.shape().iter().map(|size| *size as i64).collect(),
                ..InferOutputTensor::default()
            })
            .collect(),
        ..ModelInferResponse::default()
    }
}

fn tensor(input: InferInputTensor, raw: Option<Bytes>) -> Result<RequestTensor<'static>, ApiError> {
    let InferInputTensor { name, datatype, shape, contents, .. } = input;
    let data = match (contents, raw) {
        (None, Some(bytes)) => TensorData::Raw(bytes),
        (Some(contents), None) => typed(&name, &datatype, contents)?,
        (None, None) => {
            return Err(invalid(format!("\"{name}\" has neither contents nor an entry in raw_input_contents.")));
        }
        (Some(_), Some(_)) => {
            return Err(invalid(format!("\"{name}\" must have either contents or raw_input_contents, not both.")));
        }
    };
    let shape = shape.iter().map(|size| usize::try_from(*size).ok()).collect();
    Ok(RequestTensor { name, datatype, shape, data })
}

/// The contents that belong to a type.
fn typed(name: &str, datatype: &str, contents: InferTensorContents) -> Result<TensorData<'static>, ApiError> {
    fn narrow<T, N: TryFrom<T> + TensorElement>(name: &str, numbers: Vec<T>) -> Result<TensorValues, ApiError> {
        let narrowed: Option<Vec<N>> = numbers.into_iter().map(|number| N::try_from(number).ok()).collect();
        narrowed.map(N::values).ok_or_else(|| invalid(format!("A number of \"{name}\" does not fit its datatype.")))
    }
    let values = match Datatype::parse(datatype) {
        Some(Datatype::Bytes) => return Ok(TensorData::Elements(contents.bytes_contents)),
        Some(Datatype::Bool) => TensorValues::Bool(contents.bool_contents),
        Some(Datatype::Uint8) => narrow::<u32, u8>(name, contents.uint_contents)?,
        Some(Datatype::Uint16) => narrow::<u32, u16>(name, contents.uint_contents)?,
        Some(Datatype::Uint32) => TensorValues::Uint32(contents.uint_contents),
        Some(Datatype::Uint64) => TensorValues::Uint64(contents.uint64_contents),
        Some(Datatype::Int8) => narrow::<i32, i8>(name, contents.int_contents)?,
        Some(Datatype::Int16) => narrow::<i32, i16>(name, contents.int_contents)?,
        Some(Datatype::Int32) => TensorValues::Int32(contents.int_contents),
        Some(Datatype::Int64) => TensorValues::Int64(contents.int64_contents),
        Some(Datatype::Fp64) => TensorValues::Fp64(contents.fp64_contents),
        Some(Datatype::Fp16 | Datatype::Bf16) => {
            return Err(invalid(format!("\"{name}\" is of {datatype}, which comes in raw_input_contents only.")));
        }
        // Another datatype is refused later, in a sentence that says which one the model takes.
        Some(Datatype::Fp32) | None => TensorValues::Fp32(contents.fp32_contents),
    };
    Ok(TensorData::Values(values))
}

fn requested(output: InferRequestedOutputTensor) -> Result<RequestedOutput, ApiError> {
    let classes = classification(&output.parameters)?;
    Ok(RequestedOutput { name: output.name, binary: None, classes })
}

fn classification(parameters: &MessageParameters) -> Result<Option<NonZeroUsize>, ApiError> {
    let Some(InferParameter { parameter_choice }) = parameters.get("classification") else { return Ok(None) };
    let classes = match parameter_choice {
        Some(ParameterChoice::Int64Param(classes)) => usize::try_from(*classes).ok(),
        Some(ParameterChoice::Uint64Param(classes)) => usize::try_from(*classes).ok(),
        _ => None,
    };
    let classes = classes.and_then(NonZeroUsize::new);
    classes.map(Some).ok_or_else(|| invalid("classification must be a whole number, 1 or more."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn contents(change: impl FnOnce(&mut InferTensorContents)) -> InferTensorContents {
        let mut contents = InferTensorContents::default();
        change(&mut contents);
        contents
    }

    #[test]
    fn numbers_stand_in_the_contents_of_their_type() {
        let read = |datatype, contents| match typed("x", datatype, contents) {
            Ok(TensorData::Values(values)) => Some(values),
            _ => None,
        };
        assert_eq!(
            read("INT8", contents(|it| it.int_contents = vec![-128, 127])),
            Some(TensorValues::Int8(vec![-128, 127]))
        );
        assert_eq!(
            read("UINT16", contents(|it| it.uint_contents = vec![65_535])),
            Some(TensorValues::Uint16(vec![65_535]))
        );
        assert_eq!(read("INT64", contents(|it| it.int64_contents = vec![7])), Some(TensorValues::Int64(vec![7])));
        assert_eq!(read("BOOL", contents(|it| it.bool_contents = vec![true])), Some(TensorValues::Bool(vec![true])));
        assert_eq!(read("FP64", contents(|it| it.fp64_contents = vec![0.1])), Some(TensorValues::Fp64(vec![0.1])));
        assert_eq!(read("INT8", contents(|it| it.int_contents = vec![128])), None, "it does not fit");
        assert_eq!(read("FP16", contents(|it| it.fp32_contents = vec![0.5])), None, "it comes raw only");
        let texts = contents(|it| it.bytes_contents = vec![Bytes::from_static(b"a")]);
        assert!(matches!(typed("x", "BYTES", texts), Ok(TensorData::Elements(elements)) if elements.len() == 1));
    }
}
