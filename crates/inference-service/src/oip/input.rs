//! The input of an inference request, whatever form it comes in.
//!
//! Rule of thumb: a protocol says how a tensor is written; what is a tensor that a model can be asked with is decided
//! here, once for all of them.

use axum::body::Bytes;
use monitoring::ApiError;

use super::tensors;
use super::{invalid, unfit};
use crate::input::Numbers;
use crate::predict::Inputs;

const MAX_RANK: usize = 8;

/// A tensor as a client describes it.
pub(super) struct Tensor<'a> {
    pub(super) name: String,
    pub(super) datatype: String,
    /// `None` where a size is none.
    pub(super) shape: Option<Vec<usize>>,
    pub(super) data: Data<'a>,
}

/// The elements of a tensor.
pub(super) enum Data<'a> {
    /// Little-endian, elements of BYTES behind their lengths.
    Raw(Bytes),
    /// JSON, flat or nested.
    Json(&'a str),
    Numbers(Vec<f32>),
    Elements(Vec<Bytes>),
}

impl Tensor<'_> {
    /// What a model can be asked with.
    ///
    /// # Errors
    /// `invalid_request` for data that cannot be read or are not as many as the shape says; `invalid_input` for other
    /// inputs than pictures or numbers.
    pub(super) fn inputs(self) -> Result<Inputs, ApiError> {
        let Self { name, datatype, shape, data } = self;
        let shape = shape.filter(|sizes| (1..=MAX_RANK).contains(&sizes.len()));
        let count = shape.as_ref().and_then(|sizes| sizes.iter().try_fold(1_usize, |a, b| a.checked_mul(*b)));
        let (Some(shape), Some(count)) = (shape, count) else {
            return Err(invalid(format!(
                "The shape of {name:?} must have 1 to {MAX_RANK} dimensions of sensible size."
            )));
        };
        match (datatype.as_str(), data) {
            ("FP32", Data::Raw(bytes)) => {
                Ok(Inputs::Tensors(Numbers::Array { values: tensors::floats(&bytes, count)?, shape }))
            }
            ("FP32", Data::Json(text)) => {
                let numbers: Numbers = serde_json::from_str(text).map_err(|problem| unread(&name, &problem))?;
                Ok(Inputs::Tensors(shaped(numbers, count, shape)?))
            }
            ("FP32", Data::Numbers(values)) => {
                let flat = Numbers::Array { shape: vec![values.len()], values };
                Ok(Inputs::Tensors(shaped(flat, count, shape)?))
            }
            ("BYTES", Data::Raw(bytes)) => Ok(Inputs::Images(tensors::elements(bytes, count)?)),
            ("BYTES", Data::Json(text)) => {
                let images: Vec<String> = serde_json::from_str(text).map_err(|problem| unread(&name, &problem))?;
                as_many(&name, images.len(), count)?;
                Ok(Inputs::Base64(images))
            }
            ("BYTES", Data::Elements(images)) => {
                as_many(&name, images.len(), count)?;
                Ok(Inputs::Images(images))
            }
            _ => Err(unfit(format!(
                "The datatype of {name:?} is {datatype:?}; the model takes FP32, or pictures (JPEG, PNG, WebP, BMP) as BYTES."
            ))),
        }
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

fn as_many(name: &str, found: usize, count: usize) -> Result<(), ApiError> {
    match found == count {
        true => Ok(()),
        false => Err(invalid(format!("{name:?} has {found} elements, and its shape {count}."))),
    }
}

fn unread(name: &str, problem: &serde_json::Error) -> ApiError {
    invalid(format!("The data of {name:?} cannot be read: {problem}."))
}
