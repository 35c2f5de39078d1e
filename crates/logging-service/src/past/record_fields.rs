//! The fields of records and labels, as columns of tables name them.
//!
//! Rule of thumb: a file of `GET /export` needs no options, so the names are those of its columns.

use super::cell_text::{MissingWords, flag, number, whole};
use super::cell_time::time;
use crate::tables::TableCell;
use serde_json::Value;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// A text; a whole number is written as one.
    Text,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A point in time.
    Time,
    /// A list or an object; in a table, its JSON.
    Json,
}

/// The fields of a prediction.
pub(super) const PREDICTION: &[(&str, FieldKind)] = &[
    ("event_id", FieldKind::Text),
    ("request_id", FieldKind::Text),
    ("row_index", FieldKind::Whole),
    ("items", FieldKind::Whole),
    ("occurred_at", FieldKind::Time),
    ("model", FieldKind::Text),
    ("version", FieldKind::Text),
    ("model_sha256", FieldKind::Text),
    ("variant", FieldKind::Text),
    ("status", FieldKind::Text),
    ("error_type", FieldKind::Text),
    ("task", FieldKind::Text),
    ("label", FieldKind::Text),
    ("class", FieldKind::Whole),
    ("confidence", FieldKind::Number),
    ("value", FieldKind::Number),
    ("defect", FieldKind::Flag),
    ("top", FieldKind::Json),
    ("latency_seconds", FieldKind::Number),
    ("decode_seconds", FieldKind::Number),
    ("queue_seconds", FieldKind::Number),
    ("inference_seconds", FieldKind::Number),
    ("trace_id", FieldKind::Text),
    ("span_id", FieldKind::Text),
    ("input_sha256", FieldKind::Text),
    ("input", FieldKind::Json),
    ("features", FieldKind::Json),
    ("counted_features", FieldKind::Json),
    ("tags", FieldKind::Json),
    ("schema_version", FieldKind::Whole),
];

/// The parts of a prediction's input, which have columns of their own: `input_width`.
pub(super) const INPUT: &[(&str, FieldKind)] = &[
    ("width", FieldKind::Whole),
    ("height", FieldKind::Whole),
    ("brightness", FieldKind::Number),
    ("contrast", FieldKind::Number),
    ("sharpness", FieldKind::Number),
    ("mean", FieldKind::Json),
    ("std", FieldKind::Json),
];

/// The fields of a label.
pub(super) const LABEL: &[(&str, FieldKind)] = &[
    ("request_id", FieldKind::Text),
    ("row_index", FieldKind::Whole),
    ("label", FieldKind::Text),
    ("labelled_at", FieldKind::Time),
    ("source", FieldKind::Text),
    ("revision", FieldKind::Whole),
    ("event_id", FieldKind::Text),
    ("model", FieldKind::Text),
    ("version", FieldKind::Text),
    ("variant", FieldKind::Text),
];

impl FieldKind {
    /// The JSON of a cell; `None` where it holds nothing.
    ///
    /// # Errors
    /// A description of what is wrong with it.
    pub(super) fn json(self, cell: &TableCell, missing: &MissingWords) -> Result<Option<Value>, String> {
        if cell.is_nothing() {
            return Ok(None);
        }
        // The text of a text may be any word, but for labels, which are looked at before; of a number it is none.
        if let TableCell::Written(text) = cell
            && missing.contains(text)
            && (missing.are_asked || self != Self::Text)
        {
            return Ok(None);
        }
        let value = match self {
            Self::Text => text(cell).map(Value::from),
            Self::Whole => numeric(cell).and_then(whole).map(Value::from),
            Self::Number => numeric(cell).map(Value::from),
            Self::Flag => yes_or_no(cell).map(Value::from),
            Self::Time => time(cell).map(|time| Value::from(time.to_string())),
            Self::Json => json(cell),
        };
        value.map(Some).ok_or_else(|| format!("holds {}, and {} is expected", cell.shown(), self.expected()))
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::Time => "a time such as 2026-03-01T12:30:00Z",
            Self::Json => "JSON",
        }
    }
}

/// The text in a cell; a whole number is written as one, for pandas makes 4120 of a column with gaps 4120.0.
pub(super) fn text(cell: &TableCell) -> Option<String> {
    match cell {
        TableCell::Text(text) | TableCell::Written(text) => Some(text.clone()),
        TableCell::Integer(integer) => Some(integer.to_string()),
        TableCell::Number(number) => Some(whole(*number).map_or_else(|| number.to_string(), |whole| whole.to_string())),
        TableCell::Flag(flag) => Some(flag.to_string()),
        TableCell::Time(time) => Some(time.to_string()),
        TableCell::Missing | TableCell::Null | TableCell::Nested(_) => None,
    }
}

fn numeric(cell: &TableCell) -> Option<f64> {
    match cell {
        TableCell::Integer(integer) => Some(*integer as f64),
        TableCell::Number(number) => Some(*number),
        TableCell::Text(text) | TableCell::Written(text) => number(text),
        _ => None,
    }
}

fn yes_or_no(cell: &TableCell) -> Option<bool> {
    match cell {
        TableCell::Flag(flag) => Some(*flag),
        TableCell::Text(text) | TableCell::Written(text) if flag(text).is_some() => flag(text),
        cell => numeric(cell).filter(|number| [0.0, 1.0].contains(number)).map(|number| number == 1.0),
    }
}

fn json(cell: &TableCell) -> Option<Value> {
    match cell {
        TableCell::Text(text) | TableCell::Written(text) => serde_json::from_str(text).ok(),
        // A list of a Parquet file is not read, and must not be taken for nothing.
        TableCell::Nested(Value::Null) => None,
        TableCell::Nested(value) => Some(value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> TableCell {
        TableCell::Written(text.to_owned())
    }

    #[test]
    fn a_cell_becomes_what_its_field_holds() {
        let missing = MissingWords::new(None);
        let json = |kind: FieldKind, cell: TableCell| kind.json(&cell, &missing);
        let is = |value: Value| Ok(Some(value));
        assert_eq!(json(FieldKind::Text, TableCell::Number(4120.0)), is("4120".into()));
        assert_eq!(json(FieldKind::Text, written("NA")), is("NA".into()), "an id may be called NA");
        assert_eq!(json(FieldKind::Number, written("NA")), Ok(None));
        assert_eq!(json(FieldKind::Whole, written("7.0")), is(7.into()));
        assert_eq!(json(FieldKind::Flag, written("True")), is(true.into()));
        assert_eq!(json(FieldKind::Flag, TableCell::Integer(0)), is(false.into()));
        assert_eq!(json(FieldKind::Json, written("[1]")), is(vec![1].into()));
        assert_eq!(json(FieldKind::Time, written("2026-03-01 12:30:00")), is("2026-03-01T12:30:00Z".into()));
        for (kind, cell) in [(FieldKind::Whole, "1.5"), (FieldKind::Flag, "2"), (FieldKind::Time, "yesterday")] {
            assert!(json(kind, written(cell)).is_err(), "{cell}");
        }
    }
}
