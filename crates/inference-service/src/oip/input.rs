//! The inputs of an inference request, whatever form they come in.
//!
//! Rule of thumb: each protocol decides how a tensor is written; whether a model can be asked with it is decided here, once
//! for all of them.

use axum::body::Bytes;
use monitoring::ApiError;

use super::elements;
use super::refusal::{invalid, unfit};
use super::tensors;
use crate::input::{NumberArray, Numbers};
use crate::model::{Datatype, Engine, Tensor, TensorSpec, TensorValues};
use crate::predict::Payload;

const MAX_RANK: usize = 8;

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
    let specs = &engine.signature().inputs;
    if let Some(unknown) = tensors.iter().find(|tensor| specs.iter().all(|spec| spec.name != tensor.name)) {
        let there_is = specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(unfit(format!("The model has no input {:?}; it has: {there_is}.", unknown.name)));
    }
    if tensors.len() != specs.len() {
        return Err(unfit(format!("The request has {} inputs; the model takes {}.", tensors.len(), specs.len())));
    }
    let mut tensors: Vec<Option<RequestTensor<'_>>> = tensors.into_iter().map(Some).collect();
    let mut take = |name: &str| {
        let named = tensors.iter_mut().find(|tensor| tensor.as_ref().is_some_and(|tensor| tensor.name == name));
        named
            .and_then(Option::take)
            .ok_or_else(|| unfit(format!("The request has no input {name:?}, or another twice.")))
    };
    let ordered = specs.iter().map(|spec| Ok((spec, take(&spec.name)?))).collect::<Result<Vec<_>, ApiError>>()?;
    if engine.config().input.is_some() {
        let only = ordered.into_iter().next().map(|(_, tensor)| tensor);
        return only.ok_or_else(|| unfit("The model takes no input.")).and_then(RequestTensor::pictures);
    }
    let typed = ordered.into_iter().map(|(spec, tensor)| tensor.typed(spec, engine)).collect::<Result<Vec<_>, _>>()?;
    let rows = |tensor: &Tensor| tensor.shape().first().copied();
    if !engine.takes_whole_tensors() && typed.iter().any(|tensor| rows(tensor) != typed.first().and_then(rows)) {
        return Err(unfit("The inputs must have the same first dimension: one row for each item."));
    }
    Ok(Payload::Typed(typed))
}

impl RequestTensor<'_> {
    /// Pictures, or their numbers, which may come in any shape that an item can have.
    fn pictures(self) -> Result<Payload, ApiError> {
        let TensorSizes { shape, count } = self.sizes()?;
        let Self { name, datatype, data, .. } = self;
        match (datatype.as_str(), data) {
            ("FP32", TensorData::Raw(bytes)) => {
                Ok(Payload::Tensors(Numbers::Array(NumberArray { values: tensors::floats(&bytes, count)?, shape })))
            }
            ("FP32", TensorData::Json(text)) => {
                let numbers: Numbers = serde_json::from_str(text).map_err(|problem| unread(&name, &problem))?;
                Ok(Payload::Tensors(shaped(numbers, count, shape)?))
            }
            ("FP32", TensorData::Values(TensorValues::Fp32(values))) => {
                let flat = Numbers::Array(NumberArray { shape: vec![values.len()], values });
                Ok(Payload::Tensors(shaped(flat, count, shape)?))
            }
            ("BYTES", TensorData::Raw(bytes)) => Ok(Payload::Images(tensors::elements(bytes, count)?)),
            ("BYTES", TensorData::Json(text)) => {
                let images: Vec<String> = serde_json::from_str(text).map_err(|problem| unread(&name, &problem))?;
                as_many(&name, images.len(), count)?;
                Ok(Payload::Base64(images))
            }
            ("BYTES", TensorData::Elements(images)) => {
                as_many(&name, images.len(), count)?;
                Ok(Payload::Images(images))
            }
            _ => Err(unfit(format!(
                "The datatype of {name:?} is {datatype:?}; the model takes FP32, or pictures (JPEG, PNG, WebP, BMP) as BYTES."
            ))),
        }
    }

    /// A tensor of the type and the shape that the model's input has.
    fn typed(self, spec: &TensorSpec, engine: &Engine) -> Result<Tensor, ApiError> {
        let TensorSizes { shape, count } = self.sizes()?;
        let Self { name, datatype, data, .. } = self;
        let known = Datatype::parse(&datatype).filter(|known| spec.datatype.is_none_or(|takes| takes == *known));
        let Some(known) = known else {
            let takes = spec.datatype.map_or("another", Datatype::as_str);
            return Err(unfit(format!("The datatype of {name:?} is {datatype:?}; the model takes {takes}.")));
        };
        let fits = match shape.split_first() {
            Some((_, item)) if !engine.takes_whole_tensors() && spec.item().is_some() => spec.fits_behind_first(item),
            _ => spec.fits(&shape),
        };
        if !fits {
            return Err(unfit(format!("The shape of {name:?} is {shape:?}; the model takes {spec}.")));
        }
        let values = match data {
            TensorData::Raw(bytes) if known == Datatype::Bytes => texts(&name, tensors::elements(bytes, count)?)?,
            TensorData::Raw(bytes) => {
                let found = bytes.len();
                TensorValues::from_bytes(known, &bytes, count).ok_or_else(|| {
                    invalid(format!("{name:?} has {found} bytes, which are not {count} elements of {known}."))
                })?
            }
            TensorData::Json(text) => elements::parse(known, text).map_err(|problem| unread(&name, &problem))?,
            TensorData::Values(values) => values,
            TensorData::Elements(elements) => texts(&name, elements)?,
        };
        as_many(&name, values.len(), count)?;
        if values.datatype() != known {
            return Err(invalid(format!("The contents of {name:?} are of {}, not of {known}.", values.datatype())));
        }
        // Only the client knows what whole tensors mean, and NaN may be part of it.
        if let Some((index, number)) = values.non_finite().filter(|_| !engine.takes_whole_tensors()) {
            return Err(unfit(format!("The element {index} of {name:?} is {number}; the model takes finite numbers.")));
        }
        Tensor::new(shape, values).ok_or_else(|| invalid(format!("The shape of {name:?} is too large.")))
    }

    fn sizes(&self) -> Result<TensorSizes, ApiError> {
        let shape = self.shape.as_ref().filter(|sizes| (1..=MAX_RANK).contains(&sizes.len()));
        let count = shape.and_then(|sizes| sizes.iter().try_fold(1_usize, |a, b| a.checked_mul(*b)));
        let too_large = || {
            let name = &self.name;
            invalid(format!("The shape of {name:?} must have 1 to {MAX_RANK} dimensions of sensible size."))
        };
        match (shape, count) {
            (Some(shape), Some(count)) => Ok(TensorSizes { shape: shape.clone(), count }),
            _ => Err(too_large()),
        }
    }
}

/// Flat or nested, numbers have the shape that the request states.
fn shaped(numbers: Numbers, count: usize, shape: Vec<usize>) -> Result<Numbers, ApiError> {
    match numbers {
        Numbers::Array(NumberArray { values, .. }) if values.len() != count => {
            let sentence = format!("The data has {} numbers, and its shape {shape:?} {count}.", values.len());
            Err(unfit(sentence))
        }
        Numbers::Array(NumberArray { values, .. }) => Ok(Numbers::Array(NumberArray { values, shape })),
        invalid @ Numbers::Invalid(_) => Ok(invalid),
    }
}

fn texts(name: &str, elements: Vec<Bytes>) -> Result<TensorValues, ApiError> {
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec());
    let texts: Result<Vec<String>, _> = elements.into_iter().map(text).collect();
    texts.map(TensorValues::Bytes).map_err(|_| unfit(format!("An element of {name:?} is no text in UTF-8.")))
}

fn as_many(name: &str, found: usize, count: usize) -> Result<(), ApiError> {
    match found == count {
        true => Ok(()),
        false => Err(invalid(format!("{name:?} has {found} elements, and its shape {count}."))),
    }
}

fn unread(name: &str, problem: &serde_json::Error) -> ApiError {
    invalid(format!("The data of {name:?} cannot be read: {problem}."))
}
