//! The columns of a file of true labels in the lake.
//!
//! Rule of thumb: whom a label means is kept as it was said. What it leaves open is empty, so a reader joins by what is there.

use super::columns::{CellResult, CellValue, Column, ColumnKind, optional, required, text};
use crate::store::lake_labels::NumberedLabel;
use crate::store::time::from_microseconds;

/// Every column, in the order of the file.
pub(super) static LABEL_COLUMNS: [Column<NumberedLabel>; 12] = [
    required("sequence", ColumnKind::Integer, |row| Ok(Some(CellValue::Integer(row.id)))),
    // Of the predictions that are meant; empty where any is.
    optional("event_id", ColumnKind::Text, |row| Ok(row.event_id.map(|id| CellValue::Text(id.to_string().into())))),
    optional("request_id", ColumnKind::Text, |row| text(row.request_id.as_ref())),
    optional("row_index", ColumnKind::Integer, |row| Ok(row.row_index.map(CellValue::Integer))),
    optional("model", ColumnKind::Text, |row| text(row.model.as_ref())),
    optional("version", ColumnKind::Text, |row| text(row.version.as_ref())),
    optional("variant", ColumnKind::Text, |row| text(row.variant.as_ref())),
    required("label", ColumnKind::Text, |row| text(Some(&row.label))),
    required("labelled_at", ColumnKind::Time, |row| time(row.labelled_at)),
    optional("source", ColumnKind::Text, |row| text(row.source.as_ref())),
    required("revision", ColumnKind::Integer, |row| Ok(Some(CellValue::Integer(row.revision)))),
    required("recorded_at", ColumnKind::Time, |row| time(row.recorded_at)),
];

fn time(microseconds: i64) -> CellResult<'static> {
    Ok(Some(CellValue::Time(from_microseconds(microseconds))))
}
