//! From the data of a request to what its model is asked.
//!
//! Rule of thumb: lists of numbers go on as the text that they are. Only objects, which name what they have, are taken
//! apart.

use std::borrow::Cow;

use axum::body::Bytes;
use monitoring::ApiError;
use prediction_record::read_json;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::bounded_list::list;
use super::csv::{self, CsvHeader};
use super::members::JsonData;
use super::number_cells::NumberCells;
use super::refusal::{invalid, unfit};
use super::table::{CellText, Table, column_text, is_input};
use crate::model::Engine;
use crate::predict::{BroughtPayload, NamedTexts, Payload};
use crate::rows::{RowLimits, RowTarget};

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

/// The model that is asked, and how its rows are read.
#[derive(Clone, Copy)]
pub(super) struct AskedModel<'e> {
    pub(super) engine: &'e Engine,
    pub(super) limits: RowLimits,
    pub(super) numbers: NumberCells,
}

/// What a model is asked.
pub(super) struct AskedPayload {
    pub(super) payload: Payload,
    /// What the data were taken for.
    pub(super) kind: AskedKind,
}

/// What data were taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AskedKind {
    /// Rows of features, by their names.
    Rows,
    /// A frame, whose columns are tensors.
    Frame,
    /// Tensors, or pictures.
    Tensors,
}

impl AskedKind {
    /// What a table is taken for.
    fn of(table: Table<'_>, model: AskedModel<'_>, other: Self) -> Result<AskedPayload, ApiError> {
        let AskedModel { engine, limits, numbers } = model;
        let table = Table { numbers, ..table };
        if table.is_of_features(engine) {
            let rows = table.rows(RowTarget::of(engine, limits)?)?;
            return Ok(AskedPayload { payload: Payload::Rows(rows), kind: Self::Rows });
        }
        Ok(AskedPayload { payload: table.brought(engine)?.into_payload(engine, limits)?, kind: other })
    }
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
    /// What a model is asked with this data.
    ///
    /// # Errors
    /// `invalid_request` for data of another form; `too_large`; `invalid_input` for what the model does not take.
    pub(super) fn into_payload(self, model: AskedModel<'_>) -> Result<AskedPayload, ApiError> {
        let AskedModel { engine, limits, .. } = model;
        let has_items = !engine.takes_whole_tensors() || engine.features().is_some();
        let limits = if has_items { limits } else { RowLimits { rows: MOST_ROWS, ..limits } };
        let model = AskedModel { limits, ..model };
        let most = limits.rows;
        let brought = match self {
            Self::Picture(picture) => Payload::Images(vec![picture]).into(),
            Self::Csv(body, header) => {
                return AskedKind::of(csv::table(&body, header, most)?, model, AskedKind::Frame);
            }
            Self::Json(JsonData::Split(text)) => {
                return AskedKind::of(split(text_of(&text), most)?, model, AskedKind::Frame);
            }
            Self::Json(JsonData::Records(text)) => {
                let objects = list(text_of(&text), most, "dataframe_records")?;
                return AskedKind::of(Table::of_objects(objects), model, AskedKind::Frame);
            }
            Self::Json(JsonData::Instances(text)) => match first_of_list(text_of(&text)) {
                None => {
                    return Err(invalid("instances must be a list with an element for each item.").quoting_nothing());
                }
                Some('{') => return objects(text_of(&text), model, "instances"),
                Some(_) => tensor(&text, engine, most, "instances")?,
            },
            Self::Json(JsonData::Inputs(body)) => match (first_of_list(text_of(&body)), text_of(&body)) {
                (Some('{'), text) => return objects(text, model, "inputs"),
                (Some(_), _) => tensor(&body, engine, most, "inputs")?,
                (None, text) if text.starts_with('{') => match columns(text, model)? {
                    Some(rows) => return Ok(rows),
                    None => BroughtPayload::Several(body),
                },
                (None, _) if engine.takes_whole_tensors() => BroughtPayload::One(body),
                (None, _) => BroughtPayload::Several(body),
            },
        };
        Ok(AskedPayload { payload: brought.into_payload(engine, limits)?, kind: AskedKind::Tensors })
    }
}

/// The rows of columns by the names of features; `None` for tensors by the names of inputs.
fn columns(text: &str, model: AskedModel<'_>) -> Result<Option<AskedPayload>, ApiError> {
    let Some(features) = model.engine.features() else { return Ok(None) };
    let NamedTexts(named) =
        serde_json::from_str(text).map_err(|problem| invalid(format!("inputs cannot be read: {problem}.")))?;
    let is_tensor = |(name, text): &(String, &str)| is_input(model.engine, name) && first_of_list(text) == Some('[');
    if named.iter().any(is_tensor) || !named.iter().any(|(name, _)| features.position(name).is_some()) {
        return Ok(None);
    }
    let table = Table::of_columns(named, model.limits.rows)?;
    AskedKind::of(table, model, AskedKind::Rows).map(Some)
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
fn objects(text: &str, model: AskedModel<'_>, what: &str) -> Result<AskedPayload, ApiError> {
    let AskedModel { engine, limits, .. } = model;
    let objects = list::<NamedTexts<'_>>(text, limits.rows, what)?;
    if engine.config().input.is_some() {
        let payload = Payload::Base64(pictures(objects, engine)?);
        return Ok(AskedPayload { payload, kind: AskedKind::Tensors });
    }
    AskedKind::of(Table::of_objects(objects), model, AskedKind::Tensors)
}

fn split<'a>(text: &'a str, most: usize) -> Result<Table<'a>, ApiError> {
    let unread = |problem: serde_json::Error| invalid(format!("dataframe_split cannot be read: {problem}."));
    let SplitFrame { columns, data, .. } = read_json(text.as_bytes()).map_err(unread)?;
    let name = |name: Value| if let Value::String(name) = name { name } else { name.to_string() };
    let names: Option<Vec<String>> = columns.map(|columns| columns.into_iter().map(name).collect());
    let rows = list::<Vec<&RawValue>>(data.get(), most, "The data of dataframe_split")?;
    let width = names.as_ref().map(Vec::len).or_else(|| rows.first().map(Vec::len)).unwrap_or_default();
    if let Some((index, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != width) {
        return Err(invalid(format!(
            "The row {index} of dataframe_split has {} values, and there are {width} columns.",
            row.len()
        ))
        .quoting_nothing());
    }
    let cells = |row: Vec<&'a RawValue>| row.into_iter().map(|cell| Cow::Borrowed(cell.get())).collect();
    let rows = rows.into_iter().map(cells).collect();
    Ok(Table { names, rows, cells: CellText::Json, numbers: NumberCells::Numbers })
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
        [(_, text)] => read_json::<Bytes64>(text.as_bytes()).map(|bytes| bytes.b64).map_err(|_| other()),
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
