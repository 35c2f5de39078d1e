//! The inputs of an inference request, whatever form they come in.
//!
//! Rule of thumb: each protocol decides how a tensor is written; whether a model can be asked with it is decided here, once
//! for all of them.

use axum::body::Bytes;
use monitoring::ApiError;

use super::refusal::{invalid, unfit};
use super::tensors;
use crate::input::{
    InputError, JsonElements, MissingValues, NumberArray, SentInputs, SentOptional, UnreadElements, in_order,
    read_elements, whole_shape,
};
use crate::model::{Datatype, Engine, OptionalTensor, Tensor, TensorSpec, TensorValues};
use crate::predict::Payload;

/// Most dimensions of a tensor, as NumPy has them.
const MAX_RANK: usize = 64;

/// A tensor as a client describes it.
pub(super) struct RequestTensor<'a> {
    pub(super) name: String,
    pub(super) datatype: String,
    /// `None` if a number in it is no size.
    pub(super) shape: Option<Vec<usize>>,
    pub(super) data: TensorData<'a>,
}

/// The elements of a tensor.
pub(super) enum TensorData<'a> {
    /// Little-endian; each element of BYTES follows its length.
    Raw(Bytes),
    /// JSON, flat or nested.
    Json(&'a str),
    Values(TensorValues),
    Elements(Vec<Bytes>),
}

/// The shape of a tensor, and how many elements it has.
struct TensorSizes {
    shape: Vec<usize>,
    count: usize,
}

/// What a model can be asked with.
///
/// # Errors
/// `invalid_request` for data that cannot be read or are not as many as the shape says; `invalid_input` for other
/// tensors than the model takes.
pub(super) fn payload(tensors: Vec<RequestTensor<'_>>, engine: &Engine) -> Result<Payload, ApiError> {
    let named = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
    let sent = in_order(named, engine.signature()).map_err(|problem| unfit(format!("{problem}.")))?;
    let SentInputs { required, optional } = sent;
    let optional = optional.into_iter().map(|SentOptional { position, spec, sent }| {
        Ok(OptionalTensor { position, tensor: sent.typed(spec, engine, true)? })
    });
    let optional = optional.collect::<Result<Vec<_>, ApiError>>()?;
    if engine.config().input.is_some() {
        let only = required.into_iter().next().map(|(_, tensor)| tensor);
        let pictures = only.ok_or_else(|| unfit("The model takes no input.")).and_then(RequestTensor::pictures);
        return Ok(pictures?.with_optional(optional));
    }
    let is_whole = engine.takes_whole_tensors();
    let typed = required.into_iter().map(|(spec, tensor)| tensor.typed(spec, engine, is_whole));
    let typed = typed.collect::<Result<Vec<_>, _>>()?;
    let rows = |tensor: &Tensor| tensor.shape().first().copied();
    if !is_whole && typed.iter().any(|tensor| rows(tensor) != typed.first().and_then(rows)) {
        return Err(unfit("The inputs must have the same first dimension: one row for each item.").quoting_nothing());
    }
    Ok(Payload::Typed(typed).with_optional(optional))
}

impl RequestTensor<'_> {
    /// Pictures, or their numbers, which may come in any shape that an item can have.
    fn pictures(self) -> Result<Payload, ApiError> {
        let TensorSizes { shape, count } = self.sizes()?;
        let Self { name, datatype, data, .. } = self;
        if shape.is_empty() {
            return Err(invalid(format!("The shape of \"{name}\" must have a dimension, which counts the items.")));
        }
        match (datatype.as_str(), data) {
            ("FP32", TensorData::Raw(bytes)) => {
                Ok(Payload::Tensors(NumberArray { values: tensors::floats(&bytes, count)?, shape }))
            }
            ("FP32", TensorData::Json(text)) => {
                let elements = read_elements(Datatype::Fp32, text, MissingValues::Refuse);
                let JsonElements { values, .. } = elements.map_err(|problem| match problem {
                    UnreadElements::Input(problem) => unfit(format!("The input is refused: {problem}.")),
                    problem @ UnreadElements::Json(_) => unread(&name, &problem),
                })?;
                Ok(Payload::Tensors(shaped(values, count, shape)?))
            }
            ("FP32", TensorData::Values(values @ TensorValues::Fp32(_))) => {
                Ok(Payload::Tensors(shaped(values, count, shape)?))
            }
            ("BYTES", TensorData::Raw(bytes)) => Ok(Payload::Images(tensors::elements(bytes, count)?)),
            ("BYTES", TensorData::Json(text)) => {
                let images: Vec<String> =
                    serde_json::from_str(text).map_err(|problem| unread(&name, &UnreadElements::Json(problem)))?;
                as_many(&name, images.len(), count)?;
                Ok(Payload::Base64(images))
            }
            ("BYTES", TensorData::Elements(images)) => {
                as_many(&name, images.len(), count)?;
                Ok(Payload::Images(images))
            }
            _ => Err(unfit(format!(
                "The datatype of \"{name}\" is \"{datatype}\"; the model takes FP32, or pictures (JPEG, PNG, WebP, BMP) as BYTES."
            ))),
        }
    }

    /// A tensor of the type and the shape that the model's input has; unless it is taken whole, its rows are items.
    fn typed(self, spec: &TensorSpec, engine: &Engine, is_whole: bool) -> Result<Tensor, ApiError> {
        let TensorSizes { shape, count } = self.sizes()?;
        let Self { name, datatype, data, .. } = self;
        let known = Datatype::parse(&datatype).filter(|known| spec.datatype.is_none_or(|takes| takes == *known));
        let Some(known) = known else {
            let takes = spec.datatype.map_or("another", Datatype::as_str);
            return Err(unfit(format!("The datatype of \"{name}\" is \"{datatype}\"; the model takes {takes}.")));
        };
        let fitting = match shape.split_first() {
            Some((_, item)) if !is_whole && spec.item().is_some() => {
                spec.fits_behind_first(item).then(|| shape.clone())
            }
            _ => whole_shape(spec, &shape),
        };
        let Some(shape) = fitting else {
            return Err(
                unfit(format!("The shape of \"{name}\" is {shape:?}; the model takes {spec}.")).quoting_nothing()
            );
        };
        let values = match data {
            TensorData::Raw(bytes) if known == Datatype::Bytes => texts(&name, tensors::elements(bytes, count)?)?,
            TensorData::Raw(bytes) => {
                let found = bytes.len();
                TensorValues::from_bytes(known, &bytes, count).ok_or_else(|| {
                    invalid(format!("\"{name}\" has {found} bytes, which are not {count} elements of {known}."))
                        .quoting_nothing()
                })?
            }
            TensorData::Json(text) => {
                read_elements(known, text, engine.missing()).map_err(|problem| unread(&name, &problem))?.values
            }
            TensorData::Values(values) => values,
            TensorData::Elements(elements) => texts(&name, elements)?,
        };
        as_many(&name, values.len(), count)?;
        if values.datatype() != known {
            return Err(invalid(format!("The contents of \"{name}\" are of {}, not of {known}.", values.datatype()))
                .quoting_nothing());
        }
        // Only the client knows what whole tensors mean, and NaN and infinity may be part of it.
        let is_unfit = |number: f64| !(number.is_finite() || number.is_nan() && engine.missing() == MissingValues::Nan);
        let unfit_number = || values.first_float(is_unfit);
        if let Some((index, number)) = (!is_whole).then(unfit_number).flatten() {
            return Err(unfit(format!(
                "The element {index} of \"{name}\" is {number}; the model takes finite numbers."
            ))
            .logged_as(format!("The element {index} of \"{name}\" is no finite number.")));
        }
        Tensor::new(shape, values)
            .ok_or_else(|| invalid(format!("The shape of \"{name}\" is too large.")).quoting_nothing())
    }

    fn sizes(&self) -> Result<TensorSizes, ApiError> {
        let shape = self.shape.as_ref().filter(|sizes| sizes.len() <= MAX_RANK);
        let count = shape.and_then(|sizes| sizes.iter().try_fold(1_usize, |a, b| a.checked_mul(*b)));
        let too_large = || {
            let name = &self.name;
            invalid(format!("The shape of \"{name}\" must have at most {MAX_RANK} dimensions, of sensible size."))
        };
        match (shape, count) {
            (Some(shape), Some(count)) => Ok(TensorSizes { shape: shape.clone(), count }),
            _ => Err(too_large()),
        }
    }
}

/// Flat or nested, numbers have the shape that the request states.
fn shaped(values: TensorValues, count: usize, shape: Vec<usize>) -> Result<NumberArray, ApiError> {
    let values = if let TensorValues::Fp32(values) = values { values } else { Vec::new() };
    if values.len() == count {
        return Ok(NumberArray { values, shape });
    }
    Err(unfit(format!("The data has {} numbers, and its shape {shape:?} {count}.", values.len())))
}

fn texts(name: &str, elements: Vec<Bytes>) -> Result<TensorValues, ApiError> {
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec());
    let texts: Result<Vec<String>, _> = elements.into_iter().map(text).collect();
    texts.map(TensorValues::Bytes).map_err(|_| unfit(format!("An element of \"{name}\" is no text in UTF-8.")))
}

fn as_many(name: &str, found: usize, count: usize) -> Result<(), ApiError> {
    match found == count {
        true => Ok(()),
        false => Err(invalid(format!("\"{name}\" has {found} elements, and its shape {count}.")).quoting_nothing()),
    }
}

fn unread(name: &str, problem: &UnreadElements) -> ApiError {
    let sentence = format!("The data of \"{name}\" cannot be read: {problem}.");
    match problem {
        // The data are as they should be; the model does not take them.
        UnreadElements::Input(InputError::MissingValue { .. }) => unfit(sentence),
        UnreadElements::Json(_) | UnreadElements::Input(_) => invalid(sentence),
    }
}
