//! The columns of a table of predictions: the one list that CSV and Parquet are made from.
//!
//! Rule of thumb: a field of the record that is not in this list is lost; a test holds the list
//! against the record's own JSON. New columns go to the end of their group, and names never change.

use std::borrow::Cow;

use jiff::Timestamp;
use prediction_record::InputSummary;
use serde::Serialize;

use super::EncodeError;
use crate::store::StoredPrediction;

/// What one cell holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
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

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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

/// Reads a cell; `None` where the row has no value there.
pub(super) type Get = for<'a> fn(&'a StoredPrediction) -> Result<Option<Value<'a>>, EncodeError>;

/// One column.
pub(super) struct Column {
    /// Its name; the name of the record's field, a part of a nested one behind `_`.
    pub(super) name: &'static str,
    /// What its cells hold.
    pub(super) kind: Kind,
    /// Whether every row has a value.
    pub(super) required: bool,
    /// Reads a row's cell.
    pub(super) get: Get,
}

const fn required(name: &'static str, kind: Kind, get: Get) -> Column {
    Column { name, kind, required: true, get }
}

const fn optional(name: &'static str, kind: Kind, get: Get) -> Column {
    Column { name, kind, required: false, get }
}

/// Every column, in the order of the file.
pub(super) static COLUMNS: [Column; 34] = [
    // The store fills in these three, but their type does not say so.
    optional("event_id", Kind::Text, |row| Ok(row.record.event_id.map(|id| Value::Text(id.to_string().into())))),
    optional("request_id", Kind::Text, |row| text(row.record.request_id.as_ref())),
    optional("occurred_at", Kind::Time, |row| Ok(row.record.occurred_at.map(Value::Time))),
    required("recorded_at", Kind::Time, |row| Ok(Some(Value::Time(row.recorded_at)))),
    required("row_index", Kind::Integer, |row| integer(Some(row.record.row_index))),
    required("model", Kind::Text, |row| text(Some(&row.record.model))),
    optional("version", Kind::Text, |row| text(row.record.version.as_ref())),
    optional("model_sha256", Kind::Text, |row| text(row.record.model_sha256.as_ref())),
    optional("variant", Kind::Text, |row| text(row.record.variant.as_ref())),
    required("status", Kind::Text, |row| Ok(Some(Value::Text(row.record.status.as_str().into())))),
    optional("error_type", Kind::Text, |row| text(row.record.error_type.as_ref())),
    optional("label", Kind::Text, |row| text(row.record.label.as_ref())),
    optional("class", Kind::Integer, |row| integer(row.record.class)),
    optional("confidence", Kind::Double, |row| double(row.record.confidence)),
    required("defect", Kind::Flag, |row| Ok(Some(Value::Flag(row.record.defect)))),
    optional("top", Kind::Json, |row| json((!row.record.top.is_empty()).then_some(&row.record.top))),
    required("task", Kind::Text, |row| Ok(Some(Value::Text(row.record.task.as_str().into())))),
    optional("value", Kind::Double, |row| double(row.record.value)),
    optional("latency_seconds", Kind::Double, |row| double(row.record.latency_seconds)),
    optional("decode_seconds", Kind::Double, |row| double(row.record.decode_seconds)),
    optional("queue_seconds", Kind::Double, |row| double(row.record.queue_seconds)),
    optional("inference_seconds", Kind::Double, |row| double(row.record.inference_seconds)),
    optional("trace_id", Kind::Text, |row| text(row.record.trace_id.as_ref())),
    optional("span_id", Kind::Text, |row| text(row.record.span_id.as_ref())),
    optional("input_sha256", Kind::Text, |row| text(row.record.input_sha256.as_ref())),
    optional("input_width", Kind::Integer, |row| integer(input(row).map(|input| input.width))),
    optional("input_height", Kind::Integer, |row| integer(input(row).map(|input| input.height))),
    optional("input_brightness", Kind::Double, |row| double(input(row).map(|input| input.brightness))),
    optional("input_contrast", Kind::Double, |row| double(input(row).map(|input| input.contrast))),
    optional("input_sharpness", Kind::Double, |row| double(input(row).map(|input| input.sharpness))),
    optional("input_mean", Kind::Json, |row| json(input(row).map(|input| &input.mean))),
    optional("input_std", Kind::Json, |row| json(input(row).map(|input| &input.std))),
    optional("schema_version", Kind::Integer, |row| integer(row.record.schema_version)),
    // Fields that this version does not know, together.
    optional("extra", Kind::Json, |row| json((!row.record.extra.is_empty()).then_some(&row.record.extra))),
];

fn input(row: &StoredPrediction) -> Option<&InputSummary> {
    row.record.input.as_ref()
}

type Cell<'a> = Result<Option<Value<'a>>, EncodeError>;

fn text(value: Option<&String>) -> Cell<'_> {
    Ok(value.map(|text| Value::Text(text.as_str().into())))
}

fn integer(value: Option<u32>) -> Cell<'static> {
    Ok(value.map(|integer| Value::Integer(integer.into())))
}

fn double(value: Option<f64>) -> Cell<'static> {
    Ok(value.map(Value::Double))
}

fn json(value: Option<&impl Serialize>) -> Cell<'static> {
    let json = value.map(serde_json::to_string).transpose()?;
    Ok(json.map(|json| Value::Text(json.into())))
}
