//! The elements of a tensor from JSON, flat or nested, without a tree in between.
//!
//! Rule of thumb: the shape that a request states counts, and not the nesting of its lists; so elements are read in order.

use std::fmt;
use std::marker::PhantomData;

use half::{bf16, f16};
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use crate::model::tensor::TensorElement;
use crate::model::{Datatype, TensorValues};

/// Reads elements of a type.
///
/// # Errors
/// If the text is something else, or if a number does not fit the type.
pub(super) fn parse(datatype: Datatype, text: &str) -> serde_json::Result<TensorValues> {
    match datatype {
        Datatype::Bool => list::<bool>(text),
        Datatype::Uint8 => list::<u8>(text),
        Datatype::Uint16 => list::<u16>(text),
        Datatype::Uint32 => list::<u32>(text),
        Datatype::Uint64 => list::<u64>(text),
        Datatype::Int8 => list::<i8>(text),
        Datatype::Int16 => list::<i16>(text),
        Datatype::Int32 => list::<i32>(text),
        Datatype::Int64 => list::<i64>(text),
        Datatype::Fp16 => list::<f16>(text),
        Datatype::Bf16 => list::<bf16>(text),
        Datatype::Fp32 => list::<f32>(text),
        Datatype::Fp64 => list::<f64>(text),
        Datatype::Bytes => list::<String>(text),
    }
}

fn list<T: FromJsonScalar>(text: &str) -> serde_json::Result<TensorValues> {
    let mut elements = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    ElementList::<T> { elements: &mut elements }.deserialize(&mut json)?;
    json.end()?;
    Ok(T::values(elements))
}

/// One value of JSON that is neither a list nor an object.
enum JsonScalar<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

/// An element that can stand in JSON.
trait FromJsonScalar: TensorElement {
    /// The end of a message that begins with "expected".
    const EXPECTED: &'static str;

    /// The element; `None` for another type, and for a number that does not fit.
    fn from_scalar(scalar: &JsonScalar<'_>) -> Option<Self>;
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
                let number = match scalar {
                    JsonScalar::Unsigned(number) => *number as f64,
                    JsonScalar::Signed(number) => *number as f64,
                    JsonScalar::Float(number) => *number,
                    JsonScalar::Bool(_) | JsonScalar::Text(_) => return None,
                };
                let narrow: fn(f64) -> Self = $narrow;
                Some(narrow(number)).filter(|number| number.is_finite())
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

/// The list of elements so far, to which the next element or list of elements is added.
struct ElementList<'a, T> {
    elements: &'a mut Vec<T>,
}

impl<'de, T: FromJsonScalar> DeserializeSeed<'de> for ElementList<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T: FromJsonScalar> ElementList<'_, T> {
    fn push<E: de::Error>(self, scalar: &JsonScalar<'_>) -> Result<(), E> {
        let element = T::from_scalar(scalar).ok_or_else(|| {
            let found = match scalar {
                JsonScalar::Bool(value) => de::Unexpected::Bool(*value),
                JsonScalar::Unsigned(number) => de::Unexpected::Unsigned(*number),
                JsonScalar::Signed(number) => de::Unexpected::Signed(*number),
                JsonScalar::Float(number) => de::Unexpected::Float(*number),
                JsonScalar::Text(_) => de::Unexpected::Other("a text"),
            };
            E::invalid_value(found, &ExpectedElement::<T>(PhantomData))
        })?;
        self.elements.push(element);
        Ok(())
    }
}

struct ExpectedElement<T>(PhantomData<T>);

impl<T: FromJsonScalar> de::Expected for ExpectedElement<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }
}

impl<'de, T: FromJsonScalar> Visitor<'de> for ElementList<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in lists", T::EXPECTED)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.push(&JsonScalar::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.push(&JsonScalar::Unsigned(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.push(&JsonScalar::Signed(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.push(&JsonScalar::Float(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.push(&JsonScalar::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(ElementList { elements: &mut *self.elements })?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_are_read_in_order_however_they_are_nested() {
        let numbers = TensorValues::Int64(vec![1, -2, i64::MAX]);
        for json in ["[1,-2,9223372036854775807]", "[[1,-2],[9223372036854775807]]", "[[[1]],[-2,9223372036854775807]]"]
        {
            assert_eq!(parse(Datatype::Int64, json).unwrap(), numbers, "{json}");
        }
        assert_eq!(parse(Datatype::Bool, "[true,[false]]").unwrap(), TensorValues::Bool(vec![true, false]));
        assert_eq!(
            parse(Datatype::Bytes, "[\"a\",\"\\u00e9\"]").unwrap(),
            TensorValues::Bytes(vec!["a".into(), "é".into()])
        );
        assert_eq!(parse(Datatype::Fp16, "[0.5, 1]").unwrap(), TensorValues::Fp16(vec![f16::from_f32(0.5), f16::ONE]));
        assert_eq!(parse(Datatype::Fp64, "[1e300]").unwrap(), TensorValues::Fp64(vec![1e300]));
    }

    #[test]
    fn what_does_not_fit_the_type_is_refused() {
        for (datatype, json) in [
            (Datatype::Uint8, "[256]"),
            (Datatype::Uint8, "[-1]"),
            (Datatype::Int32, "[1.5]"),
            (Datatype::Int64, "[9223372036854775808]"),
            (Datatype::Bool, "[1]"),
            (Datatype::Fp16, "[70000]"),
            (Datatype::Fp32, "[1e39]"),
            (Datatype::Fp32, "[null]"),
            (Datatype::Fp32, "[\"1\"]"),
            (Datatype::Bytes, "[1]"),
            (Datatype::Fp32, "[{}]"),
            (Datatype::Fp32, "[1"),
        ] {
            assert!(parse(datatype, json).is_err(), "{datatype} {json}");
        }
        let message = parse(Datatype::Uint8, "[1, 300]").unwrap_err().to_string();
        assert!(message.contains("expected whole numbers of UINT8"), "{message}");
    }
}
