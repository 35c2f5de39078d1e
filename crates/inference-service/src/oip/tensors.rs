//! Tensors as bytes: little-endian, elements of BYTES with their length before them.
//!
//! Rule of thumb: a length that a client states is compared with what is there before anything is allocated for it.

use axum::body::Bytes;
use monitoring::{ApiError, ErrorCode};

/// Numbers of four bytes each.
///
/// # Errors
/// `invalid_request` where the bytes are not that many numbers.
pub(super) fn floats(bytes: &[u8], count: usize) -> Result<Vec<f32>, ApiError> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() || numbers.len() != count {
        return Err(invalid(format!(
            "the tensor has {} bytes, and {count} numbers of FP32 have {}",
            bytes.len(),
            count.saturating_mul(4)
        )));
    }
    Ok(numbers.iter().map(|four| f32::from_le_bytes(*four)).collect())
}

/// Elements that have their length as four bytes before them.
///
/// # Errors
/// `invalid_request` where the bytes do not hold exactly that many.
pub(super) fn elements(mut bytes: Bytes, count: usize) -> Result<Vec<Bytes>, ApiError> {
    let mut elements = Vec::new();
    // No more elements are read than were stated: an empty one has four bytes here, and many more in memory.
    while elements.len() < count
        && let Some(length) = bytes.first_chunk::<4>()
    {
        let length = u32::from_le_bytes(*length) as usize;
        if bytes.len() - 4 < length {
            return Err(invalid(format!("element {} of the tensor ends early", elements.len())));
        }
        let mut element = bytes.split_to(4 + length);
        elements.push(element.split_off(4));
    }
    if !bytes.is_empty() || elements.len() != count {
        let sentence =
            format!("the tensor has {} elements and {} bytes more, not {count}", elements.len(), bytes.len());
        return Err(invalid(sentence));
    }
    Ok(elements)
}

fn invalid(problem: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, format!("The input cannot be read: {problem}."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::TensorValues;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(values: Vec<u32>) {
            let values: Vec<f32> = values.into_iter().map(f32::from_bits).filter(|value| !value.is_nan()).collect();
            prop_assert_eq!(floats(&TensorValues::Fp32(values.clone()).to_bytes(), values.len()).unwrap(), values);
        }

        #[test]
        fn texts_come_back(texts: Vec<String>) {
            let elements = elements(TensorValues::Bytes(texts.clone()).to_bytes().into(), texts.len()).unwrap();
            prop_assert_eq!(elements, texts.into_iter().map(Bytes::from).collect::<Vec<_>>());
        }

        #[test]
        fn whatever_comes_is_read_or_refused(bytes: Vec<u8>, count in 0..20_usize) {
            if let Ok(elements) = elements(bytes.clone().into(), count) {
                prop_assert_eq!(elements.len(), count);
                prop_assert_eq!(elements.iter().map(|element| element.len() + 4).sum::<usize>(), bytes.len());
            }
            prop_assert_eq!(floats(&bytes, count).is_ok(), bytes.len() == 4 * count);
        }
    }
}
