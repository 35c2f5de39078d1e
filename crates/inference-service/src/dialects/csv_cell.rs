//! A cell of CSV as the JSON that its column takes.
//!
//! Rule of thumb: only the column tells what a cell is; what it cannot be stays a text, which is refused as such.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::Datatype;

/// What pandas reads as a missing value, of what it writes for one.
const MISSING_IN_CSV: [&str; 7] = ["", "NaN", "nan", "NA", "N/A", "null", "None"];

/// Whether a cell has no value.
pub(super) fn is_missing(cell: &str) -> bool {
    MISSING_IN_CSV.contains(&cell.trim())
}

/// A cell of CSV as JSON. An empty one, and what pandas writes for a missing value, is `null`; what is no number where a
/// number is needed stays a text, which is refused as such.
pub(super) fn cell_as_json(cell: &str, datatype: Datatype) -> Cow<'_, str> {
    let trimmed = cell.trim();
    let text = |text: &str| Cow::Owned(Value::from(text).to_string());
    match datatype {
        Datatype::Bytes => text(cell),
        _ if is_missing(trimmed) => Cow::Borrowed("null"),
        Datatype::Bool => match trimmed {
            "true" | "True" | "TRUE" | "1" => Cow::Borrowed("true"),
            "false" | "False" | "FALSE" | "0" => Cow::Borrowed("false"),
            other => text(other),
        },
        _ => match trimmed.parse::<f64>() {
            // Numbers that JSON writes as they are keep all of their digits.
            Ok(_) if serde_json::from_str::<serde_json::Number>(trimmed).is_ok() => Cow::Borrowed(trimmed),
            Ok(number) if number.is_finite() => Cow::Owned(Value::from(number).to_string()),
            Ok(_) | Err(_) => text(trimmed),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_csv_are_what_their_column_is() {
        let numbers = ["1", "1e5", " 2.5 ", "+1", ".5", "", "NaN", "inf", "a", "12345678901234567890"];
        let numbers = numbers.map(|cell| cell_as_json(cell, Datatype::Fp64).into_owned());
        let expected = ["1", "1e5", "2.5", "1.0", "0.5", "null", "null", "\"inf\"", "\"a\"", "12345678901234567890"];
        assert_eq!(numbers, expected);
        assert_eq!(cell_as_json("007", Datatype::Bytes), "\"007\"");
        assert_eq!(cell_as_json("", Datatype::Bytes), "\"\"");
        assert_eq!(cell_as_json("True", Datatype::Bool), "true");
        assert_eq!(cell_as_json("x", Datatype::Bool), "\"x\"");
    }
}
