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

            /// Puts others of the same type behind these; says whether they are.
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

    /// The first number that is not finite, and where it stands.
    #[must_use]
    pub fn non_finite(&self) -> Option<(usize, f64)> {
        let numbers = (0..self.len()).map_while(|index| Some((index, self.float(index)?)));
        numbers.into_iter().find(|(_, number)| !number.is_finite())
    }

    /// Little-endian bytes, as the Open Inference Protocol has them; texts behind their lengths.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        macro_rules! numbers {
            ($numbers:expr) => {
                $numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
            };
        }
        match self {
            Self::Bool(elements) => elements.iter().map(|element| u8::from(*element)).collect(),
            Self::Uint8(elements) => elements.clone(),
            Self::Uint16(numbers) => numbers!(numbers),
            Self::Uint32(numbers) => numbers!(numbers),
            Self::Uint64(numbers) => numbers!(numbers),
            Self::Int8(numbers) => numbers!(numbers),
            Self::Int16(numbers) => numbers!(numbers),
            Self::Int32(numbers) => numbers!(numbers),
            Self::Int64(numbers) => numbers!(numbers),
            Self::Fp16(numbers) => numbers!(numbers),
            Self::Bf16(numbers) => numbers!(numbers),
            Self::Fp32(numbers) => numbers!(numbers),
            Self::Fp64(numbers) => numbers!(numbers),
            Self::Bytes(texts) => {
                // No text of a model has four gigabytes.
                let behind =
                    |text: &String| (u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes(), text.clone());
                let parts = texts.iter().map(behind);
                parts.flat_map(|(length, text)| length.into_iter().chain(text.into_bytes())).collect()
            }
        }
    }

    /// Numbers or truth values from such bytes; `None` where they are not that many, and for `BYTES`.
    #[must_use]
    pub fn from_bytes(datatype: Datatype, bytes: &[u8], count: usize) -> Option<Self> {
        macro_rules! numbers {
            ($kind:ident, $number:ty) => {{
                let (numbers, rest) = bytes.as_chunks();
                let fits = rest.is_empty() && numbers.len() == count;
                fits.then(|| Self::$kind(numbers.iter().map(|bytes| <$number>::from_le_bytes(*bytes)).collect()))
            }};
        }
        match datatype {
            Datatype::Bool => (bytes.len() == count).then(|| Self::Bool(bytes.iter().map(|byte| *byte != 0).collect())),
            Datatype::Uint8 => numbers!(Uint8, u8),
            Datatype::Uint16 => numbers!(Uint16, u16),
            Datatype::Uint32 => numbers!(Uint32, u32),
            Datatype::Uint64 => numbers!(Uint64, u64),
            Datatype::Int8 => numbers!(Int8, i8),
            Datatype::Int16 => numbers!(Int16, i16),
            Datatype::Int32 => numbers!(Int32, i32),
            Datatype::Int64 => numbers!(Int64, i64),
            Datatype::Fp16 => numbers!(Fp16, f16),
            Datatype::Bf16 => numbers!(Bf16, bf16),
            Datatype::Fp32 => numbers!(Fp32, f32),
            Datatype::Fp64 => numbers!(Fp64, f64),
            Datatype::Bytes => None,
        }
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
