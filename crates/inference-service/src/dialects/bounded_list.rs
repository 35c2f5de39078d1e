//! Lists of JSON whose length has a bound.
//!
//! Rule of thumb: a list that is taken apart takes more memory than its text, so what is beyond the bound is counted and
//! not kept.

use std::marker::PhantomData;

use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::refusal::invalid;

/// The elements of a list.
///
/// # Errors
/// `invalid_request` for anything else than such a list; `too_large` for more than `most` elements. `what` begins the
/// sentence.
pub(super) fn list<'a, T: Deserialize<'a>>(text: &'a str, most: usize, what: &str) -> Result<Vec<T>, ApiError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let seed = BoundedList { most, kind: PhantomData::<T> };
    let read = seed.deserialize(&mut json).and_then(|read| json.end().map(|()| read));
    let (elements, count) = read.map_err(|problem| invalid(format!("{what} cannot be read: {problem}.")))?;
    if count > most {
        return Err(too_many(count, most));
    }
    Ok(elements)
}

/// The refusal of more rows than are taken at once.
pub(super) fn too_many(count: usize, most: usize) -> ApiError {
    let sentence = format!("The request has {count} rows, and at most {most} are taken at once.");
    ApiError::new(ErrorCode::TooLarge, sentence)
}

struct BoundedList<T> {
    most: usize,
    kind: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for BoundedList<T> {
    type Value = (Vec<T>, usize);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for BoundedList<T> {
    type Value = (Vec<T>, usize);

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < self.most {
            let Some(element) = list.next_element()? else {
                let count = elements.len();
                return Ok((elements, count));
            };
            elements.push(element);
        }
        let mut count = elements.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((elements, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        assert_eq!(list::<i64>("[1, 2, 3]", 3, "It").map_err(|refusal| refusal.message), Ok(vec![1, 2, 3]));
        let refusal = list::<i64>("[1, 2, 3]", 2, "It").map_err(|refusal| (refusal.code, refusal.message));
        let sentence = "The request has 3 rows, and at most 2 are taken at once.".to_owned();
        assert_eq!(refusal, Err((ErrorCode::TooLarge, sentence)));
        for text in ["{}", "[1", "[\"a\"]", "1"] {
            assert_eq!(list::<i64>(text, 3, "It").map_err(|refusal| refusal.code), Err(ErrorCode::InvalidRequest));
        }
    }
}
