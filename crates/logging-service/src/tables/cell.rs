//! What stands in a cell.

use jiff::Timestamp;
use serde_json::Value;

/// What stands in a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum TableCell {
    /// Nothing.
    #[default]
    Missing,
    /// Nothing, said as such: JSON's `null`.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
    /// A text.
    Text(String),
    /// What stands in a CSV file, which does not tell numbers from texts.
    Written(String),
    /// A point in time.
    Time(Timestamp),
    /// A list or an object; of a Parquet file, `null` stands for it.
    Nested(Value),
}

/// A row of a table.
#[derive(Debug, Default)]
pub(crate) struct TableRow {
    /// Its place in the file, counted from 1; a header is not counted.
    pub(crate) number: u64,
    /// The cells, in the order of the columns. Columns past the last cell have nothing in this row.
    pub(crate) cells: Vec<TableCell>,
}

impl TableRow {
    /// About how many bytes its texts take.
    pub(crate) fn text_bytes(&self) -> usize {
        let bytes = |cell: &TableCell| match cell {
            TableCell::Text(text) | TableCell::Written(text) => text.len(),
            TableCell::Nested(value) => value.to_string().len(),
            _ => 0,
        };
        self.cells.iter().map(bytes).sum()
    }
}

impl TableCell {
    /// A number; a value that is not finite is none.
    pub(crate) fn of_number(number: f64) -> Self {
        if number.is_finite() { Self::Number(number) } else { Self::Missing }
    }

    /// Whether there is no value.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Missing | Self::Null)
    }

    /// What a person reads of it in a message: the beginning.
    pub(crate) fn shown(&self) -> String {
        let text = match self {
            Self::Missing | Self::Null => "nothing".to_owned(),
            Self::Flag(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => shown_number(*number),
            Self::Text(text) | Self::Written(text) => format!("{text:?}"),
            Self::Time(time) => time.to_string(),
            Self::Nested(_) => "a list or an object".to_owned(),
        };
        if text.chars().count() <= 60 { text } else { text.chars().take(60).chain(['…']).collect() }
    }
}

/// What a person reads of a number: as it is, or with an exponent where it has many digits.
pub(crate) fn shown_number(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e16).contains(&size) { number.to_string() } else { format!("{number:e}") }
}
