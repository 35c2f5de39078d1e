//! The events of a batch, as bytes, and JSON as Python writes it.
//!
//! Rule of thumb: the array is split by its brackets and strings alone, before anything in it is read. So whatever is wrong
//! inside of one event stays inside of it.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::{EventError, MAX_EVENTS};

/// A byte order mark, which some editors and programs of Windows write before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What Python's `json` writes for numbers that JSON does not have.
const NO_NUMBERS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];

/// The elements of a JSON array, each as it stands there.
///
/// # Errors
/// [`EventError::Json`] where there is no array or its brackets do not match; [`EventError::TooManyEvents`].
pub(super) fn split_array(json: &[u8]) -> Result<Vec<&[u8]>, EventError> {
    let problem = |what: &str| EventError::Json(format!("a batch is an array of events, and {what}"));
    let inner = without_mark(json).trim_ascii();
    let inner = inner.strip_prefix(b"[").ok_or_else(|| problem("this does not begin with ["))?;
    let mut elements = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut strings = StringScan::default();
    for (place, &byte) in inner.iter().enumerate() {
        if strings.is_inside(byte) {
            continue;
        }
        match byte {
            b'[' | b'{' => depth += 1,
            b',' if depth == 0 => {
                elements.push(inner.get(start..place).unwrap_or_default());
                start = place + 1;
            }
            b']' if depth == 0 => {
                let last = inner.get(start..place).unwrap_or_default();
                if !elements.is_empty() || !last.trim_ascii().is_empty() {
                    elements.push(last);
                }
                let is_end = inner.get(place + 1..).unwrap_or_default().trim_ascii().is_empty();
                return if is_end { within_bounds(elements) } else { Err(problem("something follows after its end")) };
            }
            b']' | b'}' => depth = depth.checked_sub(1).ok_or_else(|| problem("its brackets do not match"))?,
            _ => {}
        }
        if elements.len() > MAX_EVENTS {
            return Err(EventError::TooManyEvents);
        }
    }
    Err(problem("this one has no end"))
}

/// Reads JSON; NaN and infinities, which Python writes and JSON does not have, are read as null.
///
/// # Errors
/// [`EventError::Json`].
pub(super) fn read_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, EventError> {
    let json = without_mark(json);
    serde_json::from_slice(json).or_else(|error| match without_no_numbers(json) {
        Cow::Borrowed(_) => Err(EventError::json(&error)),
        Cow::Owned(json) => serde_json::from_slice(&json).map_err(|error| EventError::json(&error)),
    })
}

/// The same JSON with null in place of NaN and infinities; borrowed where there are none.
pub(super) fn without_no_numbers(json: &[u8]) -> Cow<'_, [u8]> {
    let mut replaced = Vec::new();
    let mut strings = StringScan::default();
    let (mut copied, mut place) = (0, 0);
    while let Some(&byte) = json.get(place) {
        let rest = json.get(place..).unwrap_or_default();
        let found = if strings.is_inside(byte) { None } else { NO_NUMBERS.iter().find(|word| rest.starts_with(word)) };
        if let Some(word) = found {
            replaced.extend_from_slice(json.get(copied..place).unwrap_or_default());
            replaced.extend_from_slice(b"null");
            place += word.len();
            copied = place;
        } else {
            place += 1;
        }
    }
    if copied == 0 {
        return json.into();
    }
    replaced.extend_from_slice(json.get(copied..).unwrap_or_default());
    replaced.into()
}

/// The bytes without a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

fn within_bounds(elements: Vec<&[u8]>) -> Result<Vec<&[u8]>, EventError> {
    if elements.len() > MAX_EVENTS { Err(EventError::TooManyEvents) } else { Ok(elements) }
}

/// Follows the strings of a JSON text.
#[derive(Default)]
struct StringScan {
    inside: bool,
    escaped: bool,
}

impl StringScan {
    /// Whether this byte, the next one, belongs to a string, its quotes included.
    fn is_inside(&mut self, byte: u8) -> bool {
        let was_inside = self.inside;
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.inside => self.escaped = true,
            b'"' => self.inside = !self.inside,
            _ => {}
        }
        was_inside || self.inside
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_wrong_in_one_element_stays_in_it() {
        for (json, expected) in [
            ("[]", &[][..]),
            (" [ ] ", &[]),
            ("[1]", &["1"]),
            (
                "\u{feff}[{\"a\": [1,2]}, {\"b\": \"],\\\"[\"},x y, ]",
                &["{\"a\": [1,2]}", "{\"b\": \"],\\\"[\"}", "x y", ""],
            ),
        ] {
            let found: Vec<&str> = split_array(json.as_bytes())
                .unwrap()
                .iter()
                .map(|part| std::str::from_utf8(part).unwrap().trim())
                .collect();
            assert_eq!(found, expected, "{json}");
        }
        for json in ["", "{}", "[", "[1", "[\"]", "[1]]", "[1] 2", "[}]"] {
            assert!(matches!(split_array(json.as_bytes()), Err(EventError::Json(_))), "{json}");
        }
        let many = format!("[{}1]", "1,".repeat(MAX_EVENTS));
        assert_eq!(split_array(many.as_bytes()), Err(EventError::TooManyEvents));
    }

    #[test]
    fn numbers_that_json_does_not_have_are_null_outside_of_texts() {
        let json = br#"{"a": [NaN, -Infinity, Infinity, -1], "NaN": "Infinity \" NaN"}"#;
        let read: Value = read_json(json).unwrap();
        assert_eq!(read, serde_json::json!({ "a": [null, null, null, -1], "NaN": "Infinity \" NaN" }));
        assert!(read_json::<Value>(b"[nan]").is_err());
    }

    proptest! {
        #[test]
        fn elements_come_back(values in prop::collection::vec("[\\[\\]{},\"\\\\a]{0,8}", 0..6)) {
            let json = serde_json::to_vec(&values).unwrap();
            let parts = split_array(&json).unwrap();
            let read: Vec<String> = parts.iter().map(|part| serde_json::from_slice(part).unwrap()).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = split_array(&bytes);
            let _ = without_no_numbers(&bytes);
        }
    }
}
