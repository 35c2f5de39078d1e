//! Why an input is refused.
//!
//! Rule of thumb: the sender reads these messages, so each tells what was expected and what came.

use super::format::PictureFormat;

/// What is wrong with a picture or with numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InputError {
    /// The bytes are no picture of a known format.
    #[error("expected a JPEG, PNG, WebP or BMP picture, got {found}")]
    UnsupportedFormat {
        /// What the bytes look like.
        found: String,
    },
    /// The bytes start like a picture but cannot be decoded.
    #[error("the {format} picture cannot be decoded: {reason}")]
    Undecodable {
        /// The format that the first bytes promise.
        format: PictureFormat,
        /// What the decoder says.
        reason: String,
    },
    /// The picture needs more memory than is allowed.
    #[error("the picture is {width} x {height} pixels; {limit}")]
    TooLarge {
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// The limit that it exceeds, as a sentence.
        limit: String,
    },
    /// The request's time is over, or its client has left.
    #[error("the request's time was over before the input was decoded")]
    OutOfTime,
    /// The numbers are not arranged as the model needs them.
    #[error("expected {expected}, got {found}")]
    WrongShape {
        /// The shapes that would do.
        expected: String,
        /// The shape that came.
        found: String,
    },
    /// Something else stands where an element should.
    #[error("expected {expected}, got {found} at position {index}")]
    WrongType {
        /// The elements that are taken, such as "numbers of FP32".
        expected: &'static str,
        /// What came.
        found: String,
        /// Its position among all elements, from 0, in reading order.
        index: usize,
    },
    /// `null` stands where the model takes no missing values.
    #[error("expected {expected}, got null at position {index}, and the model takes no missing values")]
    MissingValue {
        /// The elements that are taken, such as "numbers of FP32".
        expected: &'static str,
        /// Its position among all elements, from 0, in reading order.
        index: usize,
    },
    /// A number is NaN, infinite, or beyond the range of its type.
    #[error("expected finite {expected}, got {found:e} at position {index}")]
    NonFinite {
        /// The numbers that are taken, such as "numbers of FP32".
        expected: &'static str,
        /// Its position among all numbers, from 0, in reading order.
        index: usize,
        /// The number.
        found: f64,
    },
    /// Tensors have other names than the model's inputs.
    #[error("{problem}")]
    WrongName {
        /// The mistake, with the names that the model has.
        problem: String,
    },
}

impl InputError {
    /// The same for a log, which may have no value and no name that a client sent.
    pub(crate) fn without_values(&self) -> String {
        match self {
            Self::WrongType { expected, index, .. } => {
                format!("expected {expected}, got another type at position {index}")
            }
            Self::NonFinite { expected, index, .. } => {
                format!("expected finite {expected}, got another at position {index}")
            }
            Self::WrongName { .. } => "the names are not those of the model's inputs".to_owned(),
            other => other.to_string(),
        }
    }
}
