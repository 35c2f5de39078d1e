//! Elements as bytes, and bytes as elements.

use half::{bf16, f16};

use super::elements::{Datatype, TensorValues};

impl TensorValues {
    /// Little-endian bytes, as in the Open Inference Protocol; each text after its length.
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
