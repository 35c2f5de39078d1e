//! The columns of a table of predictions: the one list from which CSV and Parquet are made.
//!
//! Rule of thumb: a field of the record that is not in this list is lost, so a test compares the list with the record's
//! own JSON. New columns go to the end of their group, and names never change.

use std::borrow::Cow;

use jiff::Timestamp;
use prediction_record::InputSummary;
use serde::Serialize;

use super::encoder::EncodeError;
use crate::store::StoredPrediction;

/// The content of one cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CellValue<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// Yes or no.
    Flag(bool),
    /// A point in time.
    Time(Timestamp),
}

/// The type of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// Plain text.
    Text,
    /// A list or an object, as JSON text.
    Json,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// Yes or no.
    Flag,
    /// A point in time, in UTC.
    Time,
}

/// The content of a cell; `None` where the row has no value there.
pub(super) type CellResult<'a> = Result<Option<CellValue<'a>>, EncodeError>;

/// Reads a row's cell.
type CellReader<R> = for<'a> fn(&'a R) -> CellResult<'a>;

/// One column of a table of such rows.
pub(super) struct Column<R = StoredPrediction> {
    /// The name of the record's field; a part of a nested field follows after `_`.
    pub(super) name: &'static str,
    /// The type of its cells.
    pub(super) kind: ColumnKind,
    /// Whether every row has a value.
    pub(super) required: bool,
    /// Reads a row's cell.
    pub(super) get: CellReader<R>,
}

/// A column in which every row has a value.
pub(super) const fn required<R>(name: &'static str, kind: ColumnKind, get: CellReader<R>) -> Column<R> {
    Column { name, kind, required: true, get }
}

/// A column in which some rows have no value.
pub(super) const fn optional<R>(name: &'static str, kind: ColumnKind, get: CellReader<R>) -> Column<R> {
    Column { name, kind, required: false, get }
}

/// Every column, in the order of the file.
pub(super) static COLUMNS: [Column; 37] = [
    // The store fills in these three, but their types allow their absence.
    optional("event_id", ColumnKind::Text, |row| {
        Ok(row.record.event_id.map(|id| CellValue::Text(id.to_string().into())))
    }),
    optional("request_id", ColumnKind::Text, |row| text(row.record.request_id.as_ref())),
    optional("occurred_at", ColumnKind::Time, |row| Ok(row.record.occurred_at.map(CellValue::Time))),
    required("recorded_at", ColumnKind::Time, |row| Ok(Some(CellValue::Time(row.recorded_at)))),
    required("row_index", ColumnKind::Integer, |row| integer(Some(row.record.row_index))),
    // How many items of a refused request the row stands for; nothing stands for one.
    optional("items", ColumnKind::Integer, |row| integer(row.record.items)),
    required("model", ColumnKind::Text, |row| text(Some(&row.record.model))),
    optional("version", ColumnKind::Text, |row| text(row.record.version.as_ref())),
    optional("model_sha256", ColumnKind::Text, |row| text(row.record.model_sha256.as_ref())),
    optional("variant", ColumnKind::Text, |row| text(row.record.variant.as_ref())),
    required("status", ColumnKind::Text, |row| Ok(Some(CellValue::Text(row.record.status.as_str().into())))),
    optional("error_type", ColumnKind::Text, |row| text(row.record.error_type.as_ref())),
    optional("label", ColumnKind::Text, |row| text(row.record.label.as_ref())),
    optional("class", ColumnKind::Integer, |row| integer(row.record.class)),
    optional("confidence", ColumnKind::Double, |row| double(row.record.confidence)),
    required("defect", ColumnKind::Flag, |row| Ok(Some(CellValue::Flag(row.record.defect)))),
    optional("top", ColumnKind::Json, |row| json((!row.record.top.is_empty()).then_some(&row.record.top))),
    required("task", ColumnKind::Text, |row| Ok(Some(CellValue::Text(row.record.task.as_str().into())))),
    optional("value", ColumnKind::Double, |row| double(row.record.value)),
    optional("latency_seconds", ColumnKind::Double, |row| double(row.record.latency_seconds)),
    optional("decode_seconds", ColumnKind::Double, |row| double(row.record.decode_seconds)),
    optional("queue_seconds", ColumnKind::Double, |row| double(row.record.queue_seconds)),
    optional("inference_seconds", ColumnKind::Double, |row| double(row.record.inference_seconds)),
    optional("trace_id", ColumnKind::Text, |row| text(row.record.trace_id.as_ref())),
    optional("span_id", ColumnKind::Text, |row| text(row.record.span_id.as_ref())),
    optional("input_sha256", ColumnKind::Text, |row| text(row.record.input_sha256.as_ref())),
    optional("input_width", ColumnKind::Integer, |row| integer(input(row).map(|input| input.width))),
    optional("input_height", ColumnKind::Integer, |row| integer(input(row).map(|input| input.height))),
    optional("input_brightness", ColumnKind::Double, |row| double(input(row).map(|input| input.brightness))),
    optional("input_contrast", ColumnKind::Double, |row| double(input(row).map(|input| input.contrast))),
    optional("input_sharpness", ColumnKind::Double, |row| double(input(row).map(|input| input.sharpness))),
    optional("input_mean", ColumnKind::Json, |row| json(input(row).map(|input| &input.mean))),
    optional("input_std", ColumnKind::Json, |row| json(input(row).map(|input| &input.std))),
    optional("schema_version", ColumnKind::Integer, |row| integer(row.record.schema_version)),
    optional("features", ColumnKind::Json, |row| {
        json((!row.record.features.is_empty()).then_some(&row.record.features))
    }),
    optional("tags", ColumnKind::Json, |row| json((!row.record.tags.is_empty()).then_some(&row.record.tags))),
    // Fields that this version does not know, together.
    optional("extra", ColumnKind::Json, |row| json((!row.record.extra.is_empty()).then_some(&row.record.extra))),
];

fn input(row: &StoredPrediction) -> Option<&InputSummary> {
    row.record.input.as_ref()
}

/// A cell of text.
pub(super) fn text(value: Option<&String>) -> CellResult<'_> {
    Ok(value.map(|text| CellValue::Text(text.as_str().into())))
}

fn integer(value: Option<u32>) -> CellResult<'static> {
    Ok(value.map(|integer| CellValue::Integer(integer.into())))
}

fn double(value: Option<f64>) -> CellResult<'static> {
    Ok(value.map(CellValue::Double))
}

fn json(value: Option<&impl Serialize>) -> CellResult<'static> {
    let json = value.map(serde_json::to_string).transpose()?;
    Ok(json.map(|json| CellValue::Text(json.into())))
}
