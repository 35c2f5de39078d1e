//! From the data of a request to what its model is asked.
//!
//! Rule of thumb: lists of numbers go on as the text that they are. Only objects, which name what they have, are taken
//! apart.

use std::borrow::Cow;

use axum::body::Bytes;
use monitoring::ApiError;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::bounded_list::list;
use super::csv::{self, CsvHeader};
use super::members::JsonData;
use super::refusal::{invalid, unfit};
use super::table::{CellText, Table, column_text};
use crate::model::Engine;
use crate::predict::{BroughtPayload, NamedTexts, Payload};

/// Most rows of a request to a model that takes whole tensors; one that takes items has a bound of its own.
const MOST_ROWS: usize = 65_536;

/// The data of a request, whose model may not be known yet.
#[derive(Debug, PartialEq)]
pub(super) enum AskedData {
    Json(JsonData),
    Csv(Bytes, CsvHeader),
    /// An encoded picture.
    Picture(Bytes),
}

/// `dataframe_split`, as pandas writes a frame.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitFrame<'a> {
    columns: Option<Vec<Value>>,
    #[serde(rename = "index")]
    _index: Option<serde::de::IgnoredAny>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl AskedData {
    /// What a model is asked with this data. `most_items` is how many items a request may have.
    ///
    /// # Errors
    /// `invalid_request` for data of another form; `too_large`; `invalid_input` for what the model does not take.
    pub(super) fn into_payload(self, engine: &Engine, most_items: usize) -> Result<Payload, ApiError> {
        let most = if engine.takes_whole_tensors() { MOST_ROWS } else { most_items };
        let brought = match self {
            Self::Picture(picture) => Payload::Images(vec![picture]).into(),
            Self::Csv(body, header) => csv::table(&body, header, most)?.brought(engine)?,
            Self::Json(JsonData::Instances(text)) => instances(&text, engine, most)?,
            Self::Json(JsonData::Inputs(text)) => inputs(&text, engine, most)?,
            Self::Json(JsonData::Records(text)) => records(&text, engine, most)?,
            Self::Json(JsonData::Split(text)) => split(&text, engine, most)?,
        };
        brought.into_payload(engine, most)
    }

    /// Whether it is a table: rows with columns.
    pub(super) fn is_table(&self) -> bool {
        match self {
            Self::Csv(..) | Self::Json(JsonData::Split(_) | JsonData::Records(_)) => true,
            Self::Picture(_) | Self::Json(JsonData::Instances(_) | JsonData::Inputs(_)) => false,
        }
    }
}

fn instances(body: &Bytes, engine: &Engine, most: usize) -> Result<BroughtPayload, ApiError> {
    let text = text_of(body);
    match first_of_list(text) {
        None => Err(invalid("instances must be a list with an element for each item.")),
        Some('{') => objects(text, engine, most, "instances"),
        Some(_) => tensor(body, engine, most, "instances"),
    }
}

fn inputs(body: &Bytes, engine: &Engine, most: usize) -> Result<BroughtPayload, ApiError> {
    let text = text_of(body);
    match first_of_list(text) {
        Some('{') => objects(text, engine, most, "inputs"),
        // An object of tensors by name, or a single number.
        None if engine.takes_whole_tensors() && !text.starts_with('{') => Ok(BroughtPayload::One(body.clone())),
        None => Ok(BroughtPayload::Several(body.clone())),
        Some(_) => tensor(body, engine, most, "inputs"),
    }
}

/// The tensor of a model's only input, as a list.
fn tensor(body: &Bytes, engine: &Engine, most: usize, what: &str) -> Result<BroughtPayload, ApiError> {
    let text = text_of(body);
    if engine.config().input.is_some() && first_of_list(text) == Some('"') {
        return Ok(Payload::Base64(list(text, most, what)?).into());
    }
    if !engine.takes_whole_tensors() {
        return Ok(BroughtPayload::Several(body.clone()));
    }
    match (&engine.signature().inputs[..], first_of_list(text)) {
        ([only], Some(first)) if first != '[' && first != ']' => {
            let cells = list::<&RawValue>(text, most, what)?;
            let cells = cells.into_iter().map(|cell| Cow::Borrowed(cell.get()));
            Ok(BroughtPayload::One(column_text(cells, only, true).into()))
        }
        _ => Ok(BroughtPayload::One(body.clone())),
    }
}

/// An object for each item.
fn objects(text: &str, engine: &Engine, most: usize, what: &str) -> Result<BroughtPayload, ApiError> {
    let objects = list::<NamedTexts<'_>>(text, most, what)?;
    if engine.config().input.is_some() {
        return pictures(objects, engine).map(|pictures| Payload::Base64(pictures).into());
    }
    Table::of_objects(objects).brought(engine)
}

fn records(body: &Bytes, engine: &Engine, most: usize) -> Result<BroughtPayload, ApiError> {
    let objects = list(text_of(body), most, "dataframe_records")?;
    Table::of_objects(objects).brought(engine)
}

fn split(body: &Bytes, engine: &Engine, most: usize) -> Result<BroughtPayload, ApiError> {
    let unread = |problem: serde_json::Error| invalid(format!("dataframe_split cannot be read: {problem}."));
    let text = text_of(body);
    if !text.starts_with('{') {
        return Err(invalid("dataframe_split must be an object with columns and data."));
    }
    let SplitFrame { columns, data, .. } = serde_json::from_str(text).map_err(unread)?;
    let name = |name: Value| if let Value::String(name) = name { name } else { name.to_string() };
    let names: Option<Vec<String>> = columns.map(|columns| columns.into_iter().map(name).collect());
    let rows = list::<Vec<&RawValue>>(data.get(), most, "The data of dataframe_split")?;
    let width = names.as_ref().map(Vec::len).or_else(|| rows.first().map(Vec::len)).unwrap_or_default();
    if let Some((index, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != width) {
        return Err(invalid(format!(
            "The row {index} of dataframe_split has {} values, and there are {width} columns.",
            row.len()
        )));
    }
    let cells = |row: Vec<&'_ RawValue>| row.into_iter().map(|cell| Cow::Owned(cell.get().to_owned())).collect();
    let rows = rows.into_iter().map(cells).collect();
    Table { names, rows, cells: CellText::Json }.brought(engine)
}

/// The pictures of objects as TensorFlow's clients write bytes: `{"b64": "…"}`, perhaps by the name of the input.
fn pictures(objects: Vec<NamedTexts<'_>>, engine: &Engine) -> Result<Vec<String>, ApiError> {
    let other = || {
        let name = engine.signature().inputs.first().map_or("input", |input| input.name.as_str());
        unfit(format!("An instance of the model {} is a picture: {{\"{name}\": {{\"b64\": \"…\"}}}}.", engine.name()))
    };
    #[derive(Deserialize)]
    struct Bytes64 {
        b64: String,
    }
    let picture = |object: NamedTexts<'_>| match &object.0[..] {
        [(name, text)] if name == "b64" => serde_json::from_str(text).map_err(|_| other()),
        [(_, text)] if text.starts_with('"') => serde_json::from_str(text).map_err(|_| other()),
        [(_, text)] => serde_json::from_str::<Bytes64>(text).map(|bytes| bytes.b64).map_err(|_| other()),
        _ => Err(other()),
    };
    objects.into_iter().map(picture).collect()
}

/// It was read out of JSON, which is UTF-8.
fn text_of(body: &Bytes) -> &str {
    std::str::from_utf8(body).unwrap_or_default().trim()
}

/// With what the first element of a list begins; `]` if there is none, and `None` for what is no list.
fn first_of_list(text: &str) -> Option<char> {
    text.strip_prefix('[')?.trim_start().chars().next()
}
