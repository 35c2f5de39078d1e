//! The elements of a tensor from JSON, flat or nested, without a tree in between.
//!
//! Rule of thumb: elements are read in order, and the shape of their lists is noted beside them. Whether the shape counts is
//! the caller's business: the Open Inference Protocol states another one.

use std::fmt;

use half::{bf16, f16};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::error::InputError;
use super::list_shape::ListShape;
use crate::model::tensor::TensorElement;
use crate::model::{Datatype, TensorValues};

/// What `null` among numbers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingValues {
    /// A number that is missing, which a model takes as NaN.
    Nan,
    /// A mistake.
    Refuse,
}

/// What was read.
#[derive(Debug, PartialEq)]
pub(crate) struct JsonElements {
    pub(crate) values: TensorValues,
    /// The length of each level of lists, outermost first; or how the lists differ from one another.
    pub(crate) shape: Result<Vec<usize>, InputError>,
}

/// Why a text has no elements.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadElements {
    #[error("{0}")]
    Json(serde_json::Error),
    #[error("{0}")]
    Input(InputError),
}

/// Reads elements of a type.
///
/// # Errors
/// If the text is something else, or if an element does not fit the type.
pub(crate) fn read_elements(
    datatype: Datatype,
    text: &str,
    missing: MissingValues,
) -> Result<JsonElements, UnreadElements> {
    match datatype {
        Datatype::Bool => list::<bool>(text, missing),
        Datatype::Uint8 => list::<u8>(text, missing),
        Datatype::Uint16 => list::<u16>(text, missing),
        Datatype::Uint32 => list::<u32>(text, missing),
        Datatype::Uint64 => list::<u64>(text, missing),
        Datatype::Int8 => list::<i8>(text, missing),
        Datatype::Int16 => list::<i16>(text, missing),
        Datatype::Int32 => list::<i32>(text, missing),
        Datatype::Int64 => list::<i64>(text, missing),
        Datatype::Fp16 => list::<f16>(text, missing),
        Datatype::Bf16 => list::<bf16>(text, missing),
        Datatype::Fp32 => list::<f32>(text, missing),
        Datatype::Fp64 => list::<f64>(text, missing),
        Datatype::Bytes => list::<String>(text, missing),
    }
}

fn list<T: FromJsonScalar>(text: &str, missing: MissingValues) -> Result<JsonElements, UnreadElements> {
    let mut reading =
        ElementsReading { elements: Vec::<T>::new(), lists: ListShape::default(), missing, refused: None };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = ElementList { reading: &mut reading, depth: 0 }.deserialize(&mut json).and_then(|()| json.end());
    match (read, reading.refused) {
        (Err(_), Some(refused)) => Err(UnreadElements::Input(refused)),
        (Err(problem), None) => Err(UnreadElements::Json(problem)),
        (Ok(()), _) => Ok(JsonElements { values: T::values(reading.elements), shape: reading.lists.shape() }),
    }
}

/// One value of JSON that is neither a list nor an object.
enum JsonScalar<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

impl JsonScalar<'_> {
    /// The number that it is.
    fn number(&self) -> Option<f64> {
        match self {
            Self::Unsigned(number) => Some(*number as f64),
            Self::Signed(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// How a refusal calls it.
    fn shown(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Unsigned(number) => number.to_string(),
            Self::Signed(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(_) => "a string".to_owned(),
        }
    }
}

/// An element that can stand in JSON.
trait FromJsonScalar: TensorElement {
    /// What a refusal says was expected.
    const EXPECTED: &'static str;

    /// The element; `None` for another type, and for a whole number that does not fit. A number of a floating-point type
    /// that does not fit is infinite.
    fn from_scalar(scalar: &JsonScalar<'_>) -> Option<Self>;

    /// Whether it is infinite.
    fn is_infinite_number(&self) -> bool {
        false
    }

    /// The element that stands for a missing one, where the type has one.
    fn missing() -> Option<Self> {
        None
    }
}

macro_rules! whole_numbers {
    ($($number:ty = $name:literal),*) => {
        $(impl FromJsonScalar for $number {
            const EXPECTED: &'static str = concat!("whole numbers of ", $name);

            fn from_scalar(scalar: &JsonScalar<'_>) -> Option<Self> {
                match scalar {
                    JsonScalar::Unsigned(number) => Self::try_from(*number).ok(),
                    JsonScalar::Signed(number) => Self::try_from(*number).ok(),
                    _ => None,
                }
            }
        })*
    };
}

whole_numbers!(
    u8 = "UINT8",
    u16 = "UINT16",
    u32 = "UINT32",
    u64 = "UINT64",
    i8 = "INT8",
    i16 = "INT16",
    i32 = "INT32",
    i64 = "INT64"
);

macro_rules! floats {
    ($($number:ty = $name:literal, $narrow:expr;)*) => {
        $(impl FromJsonScalar for $number {
            const EXPECTED: &'static str = concat!("numbers of ", $name);

            fn from_scalar(scalar: &JsonScalar<'_>) -> Option<Self> {
                let narrow: fn(f64) -> Self = $narrow;
                scalar.number().map(narrow)
            }

            fn is_infinite_number(&self) -> bool {
                self.is_infinite()
            }

            fn missing() -> Option<Self> {
                Some(Self::NAN)
            }
        })*
    };
}

floats! {
    f16 = "FP16", f16::from_f64;
    bf16 = "BF16", bf16::from_f64;
    f32 = "FP32", |number| number as f32;
    f64 = "FP64", |number| number;
}

impl FromJsonScalar for bool {
    const EXPECTED: &'static str = "truth values";

    fn from_scalar(scalar: &JsonScalar<'_>) -> Option<Self> {
        if let JsonScalar::Bool(value) = scalar { Some(*value) } else { None }
    }
}

impl FromJsonScalar for String {
    const EXPECTED: &'static str = "texts";

    fn from_scalar(scalar: &JsonScalar<'_>) -> Option<Self> {
        if let JsonScalar::Text(text) = scalar { Some((*text).to_owned()) } else { None }
    }
}

/// What has been read so far.
struct ElementsReading<T> {
    elements: Vec<T>,
    lists: ListShape,
    missing: MissingValues,
    /// What ended the reading early.
    refused: Option<InputError>,
}

/// Adds the next element, or a list of elements, which stands inside of `depth` lists.
struct ElementList<'a, T> {
    reading: &'a mut ElementsReading<T>,
    depth: usize,
}

impl<'de, T: FromJsonScalar> DeserializeSeed<'de> for ElementList<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T: FromJsonScalar> ElementList<'_, T> {
    fn push<E: serde::de::Error>(self, scalar: &JsonScalar<'_>) -> Result<(), E> {
        match T::from_scalar(scalar) {
            Some(element) if element.is_infinite_number() => {
                let found = scalar.number().unwrap_or(f64::INFINITY);
                let index = self.reading.elements.len();
                self.refuse(InputError::NonFinite { expected: T::EXPECTED, index, found })
            }
            Some(element) => {
                self.reading.lists.element(self.depth);
                self.reading.elements.push(element);
                Ok(())
            }
            None => self.refuse_element(scalar.shown()),
        }
    }

    fn refuse_element<E: serde::de::Error>(self, found: String) -> Result<(), E> {
        let index = self.reading.elements.len();
        self.refuse(InputError::WrongType { expected: T::EXPECTED, found, index })
    }

    /// Ends the reading; the error is only a signal.
    fn refuse<E: serde::de::Error>(self, problem: InputError) -> Result<(), E> {
        self.reading.refused = Some(problem);
        Err(E::custom("refused"))
    }
}

impl<'de, T: FromJsonScalar> Visitor<'de> for ElementList<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in lists", T::EXPECTED)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.push(&JsonScalar::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.push(&JsonScalar::Unsigned(number))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.push(&JsonScalar::Signed(number))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.push(&JsonScalar::Float(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.push(&JsonScalar::Text(text))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        match T::missing() {
            Some(element) if self.reading.missing == MissingValues::Nan => {
                self.reading.lists.element(self.depth);
                self.reading.elements.push(element);
                Ok(())
            }
            _ => {
                let index = self.reading.elements.len();
                self.refuse(InputError::MissingValue { expected: T::EXPECTED, index })
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse_element("an object".to_owned())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { reading, depth } = self;
        if !reading.lists.open(depth) {
            reading.refused = Some(ListShape::too_deep());
            return Err(A::Error::custom("refused"));
        }
        let mut length = 0;
        while list.next_element_seed(ElementList { reading: &mut *reading, depth: depth + 1 })?.is_some() {
            length += 1;
        }
        reading.lists.close(depth, length);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
