//! The types that a tensor's elements can have, and elements of one of them.
//!
//! Rule of thumb: the types stand in one table. What has to be done for each of them is written once, beside it.

use std::fmt;
use std::ops::Range;

use half::{bf16, f16};
use serde::{Serialize, Serializer};

/// A type of Rust that the elements of a tensor can have.
pub(crate) trait TensorElement: Clone + Default {
    /// Elements of this type.
    fn values(elements: Vec<Self>) -> TensorValues;
}

macro_rules! element_types {
    ($($(#[$about:meta])* $kind:ident($element:ty) = $name:literal,)*) => {
        /// A type, by its name in the Open Inference Protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Datatype {
            $($(#[$about])* $kind,)*
        }

        impl Datatype {
            /// The type of this name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        /// Elements of one type.
        #[derive(Clone, Debug, PartialEq)]
        pub enum TensorValues {
            $($(#[$about])* $kind(Vec<$element>),)*
        }

        impl TensorValues {
            /// Zeros, `false`, or empty texts.
            #[must_use]
            pub fn zeros(datatype: Datatype, count: usize) -> Self {
                match datatype {
                    $(Datatype::$kind => Self::$kind(vec![<$element>::default(); count]),)*
                }
            }

            /// The type of the elements.
            #[must_use]
            pub fn datatype(&self) -> Datatype {
                match self {
                    $(Self::$kind(_) => Datatype::$kind,)*
                }
            }

            /// How many elements there are.
            #[must_use]
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$kind(elements) => elements.len(),)*
                }
            }

            pub(super) fn slice(&self, range: Range<usize>) -> Self {
                match self {
                    $(Self::$kind(elements) => Self::$kind(elements.get(range).unwrap_or_default().to_vec()),)*
                }
            }

            /// The elements at these places, which must be among them.
            #[must_use]
            pub(crate) fn picked(&self, places: &[usize]) -> Self {
                match self {
                    $(Self::$kind(elements) => {
                        Self::$kind(places.iter().filter_map(|place| elements.get(*place).cloned()).collect())
                    })*
                }
            }

            /// Appends others of the same type; false if they have another.
            pub(super) fn append(&mut self, more: &Self) -> bool {
                match (self, more) {
                    $((Self::$kind(elements), Self::$kind(more)) => elements.extend_from_slice(more),)*
                    _ => return false,
                }
                true
            }
        }

        $(impl TensorElement for $element {
            fn values(elements: Vec<Self>) -> TensorValues {
                TensorValues::$kind(elements)
            }
        })*
    };
}

element_types! {
    /// Truth values; a byte each.
    Bool(bool) = "BOOL",
    /// 8 bits, unsigned.
    Uint8(u8) = "UINT8",
    /// 16 bits, unsigned.
    Uint16(u16) = "UINT16",
    /// 32 bits, unsigned.
    Uint32(u32) = "UINT32",
    /// 64 bits, unsigned.
    Uint64(u64) = "UINT64",
    /// 8 bits, signed.
    Int8(i8) = "INT8",
    /// 16 bits, signed.
    Int16(i16) = "INT16",
    /// 32 bits, signed.
    Int32(i32) = "INT32",
    /// 64 bits, signed.
    Int64(i64) = "INT64",
    /// Half precision of IEEE 754.
    Fp16(f16) = "FP16",
    /// The upper half of single precision.
    Bf16(bf16) = "BF16",
    /// Single precision.
    Fp32(f32) = "FP32",
    /// Double precision.
    Fp64(f64) = "FP64",
    /// Bytes; what models take and give of them are texts in UTF-8.
    Bytes(String) = "BYTES",
}

impl fmt::Display for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TensorValues {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, where they are of single precision.
    #[must_use]
    pub fn fp32(&self) -> Option<&[f32]> {
        if let Self::Fp32(numbers) = self { Some(numbers) } else { None }
    }

    /// All numbers, where they are of a floating-point type.
    #[must_use]
    pub fn floats(&self) -> Option<Vec<f64>> {
        (0..self.len()).map(|index| self.float(index)).collect()
    }

    /// The number that stands at this place, if it is one of a floating-point type.
    #[must_use]
    pub fn float(&self, index: usize) -> Option<f64> {
        match self {
            Self::Fp16(numbers) => numbers.get(index).map(|number| number.to_f64()),
            Self::Bf16(numbers) => numbers.get(index).map(|number| number.to_f64()),
            Self::Fp32(numbers) => numbers.get(index).map(|number| f64::from(*number)),
            Self::Fp64(numbers) => numbers.get(index).copied(),
            _ => None,
        }
    }

    /// The number or truth value that stands at this place, as near as double precision comes; `None` for texts.
    #[must_use]
    pub fn number(&self, index: usize) -> Option<f64> {
        match self {
            Self::Bool(elements) => elements.get(index).map(|element| f64::from(*element)),
            Self::Uint8(numbers) => numbers.get(index).map(|number| f64::from(*number)),
            Self::Uint16(numbers) => numbers.get(index).map(|number| f64::from(*number)),
            Self::Uint32(numbers) => numbers.get(index).map(|number| f64::from(*number)),
            Self::Uint64(numbers) => numbers.get(index).map(|number| *number as f64),
            Self::Int8(numbers) => numbers.get(index).map(|number| f64::from(*number)),
            Self::Int16(numbers) => numbers.get(index).map(|number| f64::from(*number)),
            Self::Int32(numbers) => numbers.get(index).map(|number| f64::from(*number)),
            Self::Int64(numbers) => numbers.get(index).map(|number| *number as f64),
            Self::Fp16(_) | Self::Bf16(_) | Self::Fp32(_) | Self::Fp64(_) => self.float(index),
            Self::Bytes(_) => None,
        }
    }

    /// The text that stands at this place, of texts.
    #[must_use]
    pub fn text(&self, index: usize) -> Option<&str> {
        if let Self::Bytes(texts) = self { texts.get(index).map(String::as_str) } else { None }
    }

    /// The first number of a floating-point type that is such, and where it stands.
    #[must_use]
    pub fn first_float(&self, is_such: impl Fn(f64) -> bool) -> Option<(usize, f64)> {
        let mut numbers = (0..self.len()).map_while(|index| Some((index, self.float(index)?)));
        numbers.find(|(_, number)| is_such(*number))
    }
}

/// As a flat list. NaN and infinity, which JSON does not have, are `null`.
impl Serialize for TensorValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fp16(numbers) => serializer.collect_seq(numbers.iter().map(|number| number.to_f32())),
            Self::Bf16(numbers) => serializer.collect_seq(numbers.iter().map(|number| number.to_f32())),
            Self::Bool(elements) => elements.serialize(serializer),
            Self::Uint8(elements) => elements.serialize(serializer),
            Self::Uint16(elements) => elements.serialize(serializer),
            Self::Uint32(elements) => elements.serialize(serializer),
            Self::Uint64(elements) => elements.serialize(serializer),
            Self::Int8(elements) => elements.serialize(serializer),
            Self::Int16(elements) => elements.serialize(serializer),
            Self::Int32(elements) => elements.serialize(serializer),
            Self::Int64(elements) => elements.serialize(serializer),
            Self::Fp32(elements) => elements.serialize(serializer),
            Self::Fp64(elements) => elements.serialize(serializer),
            Self::Bytes(elements) => elements.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
