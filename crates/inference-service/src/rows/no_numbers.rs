//! What Python and JavaScript write where JSON has no number: NaN and infinity.
//!
//! Rule of thumb: dialects whose servers take them take them as a missing value. `POST /predict` has JSON as its standard
//! says, and tells where they stand and what to send instead.

use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::refusal::shown;

/// What they write.
const NO_NUMBERS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];

/// Begins the text that stands for one of them while its row is looked for.
const MARK: char = '\0';

/// The text with `null` where it has NaN or infinity; `None` where it has none. Texts stay as they are.
pub(crate) fn without_no_numbers(body: &[u8]) -> Option<Vec<u8>> {
    replaced(body, |_| "null".to_owned())
}

/// The refusal of a body whose rows have NaN or infinity, with their row and feature; `None` for any other body.
pub(crate) fn no_number_in_rows(body: &[u8]) -> Option<ApiError> {
    #[derive(Deserialize)]
    struct RowsMember {
        rows: Vec<Map<String, Value>>,
    }
    let marked = replaced(body, |token| format!("\"\\u0000{token}\""))?;
    let RowsMember { rows } = serde_json::from_slice(&marked).ok()?;
    let token_of = |cell: &Value| -> Option<&'static str> {
        let text = cell.as_str()?.strip_prefix(MARK)?;
        NO_NUMBERS.into_iter().find(|token| *token == text)
    };
    let (row, (feature, token)) = rows.iter().enumerate().find_map(|(row, cells)| {
        let found = cells.iter().find_map(|(feature, cell)| Some((feature, token_of(cell)?)))?;
        Some((row, found))
    })?;
    let sentence = format!(
        "Row {row} is refused: \"{}\" is {token}, which JSON does not have; send null for a value that is missing.",
        shown(feature)
    );
    let refusal = ApiError::new(ErrorCode::InvalidRequest, sentence);
    Some(refusal.detail("row", row).detail("feature", feature.as_str()).detail("reason", "type"))
}

/// The text with another text for each of the tokens.
fn replaced(body: &[u8], text_for: impl Fn(&str) -> String) -> Option<Vec<u8>> {
    let mut written = Vec::with_capacity(body.len() + 16);
    let (mut rest, mut is_text, mut found) = (body, false, false);
    while let Some((&byte, behind)) = rest.split_first() {
        let token = NO_NUMBERS.iter().find(|token| !is_text && rest.starts_with(token.as_bytes()));
        if let Some(token) = token {
            written.extend(text_for(token).as_bytes());
            rest = &rest[token.len()..];
            found = true;
            continue;
        }
        written.push(byte);
        rest = behind;
        if is_text && byte == b'\\' {
            if let Some((&escaped, behind)) = rest.split_first() {
                written.push(escaped);
                rest = behind;
            }
        } else if byte == b'"' {
            is_text = !is_text;
        }
    }
    found.then_some(written)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_row_tells_where_it_has_no_number() {
        let body = br#"{"model": "m", "rows": [{"a": 1, "b": "NaN"}, {"a": 2, "b": -Infinity, "c": NaN}]}"#;
        let refusal = no_number_in_rows(body).unwrap();
        let says =
            "Row 1 is refused: \"b\" is -Infinity, which JSON does not have; send null for a value that is missing.";
        assert_eq!((refusal.code, refusal.message.as_str()), (ErrorCode::InvalidRequest, says));
        for other in [&br#"{"rows": [{"a": 1}]}"#[..], br#"{"rows": NaN}"#, br#"{"inputs": [NaN]}"#, b"{\"rows\": [NaN"]
        {
            assert!(no_number_in_rows(other).is_none());
        }
    }
}
