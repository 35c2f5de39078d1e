//! What is taken for a number in a column of numbers.
//!
//! Rule of thumb: each dialect takes what its own server takes.

use std::borrow::Cow;

use super::csv_cell::cell_as_json;
use crate::model::Datatype;
use crate::rows::RowCell;

/// What is taken for a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NumberCells {
    /// A number.
    Numbers,
    /// What MLflow makes a number of, too: a text that is one, and a truth value, which is 1 or 0.
    AsMlflow,
}

/// A text in the place of a feature's number, as pandas reads it.
pub(super) fn written_number(text: &str) -> RowCell<'_> {
    match text.trim() {
        "True" | "TRUE" | "true" => RowCell::Number(1.0),
        "False" | "FALSE" | "false" => RowCell::Number(0.0),
        _ => RowCell::Written(text),
    }
}

/// A cell of JSON in the place of a tensor's number, where MLflow would make a number of it.
pub(super) fn number_as_json(cell: &str, datatype: Datatype) -> Cow<'_, str> {
    match cell {
        "true" => Cow::Borrowed("1"),
        "false" => Cow::Borrowed("0"),
        text if text.starts_with('"') => match serde_json::from_str::<String>(text) {
            Ok(text) if !text.trim().is_empty() => Cow::Owned(cell_as_json(&text, datatype).into_owned()),
            _ => Cow::Borrowed(cell),
        },
        other => Cow::Borrowed(other),
    }
}
