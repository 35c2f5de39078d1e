//! The three forms of a body of records or labels, and what is wrong with one.

use std::fmt;
use std::marker::PhantomData;

use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};
use prediction_record::{Invalid, PredictionRecord};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// Records of one request; more are counted but not kept.
const MOST_KEPT: usize = 1_000_000;

/// What a body holds one or many of.
pub(super) trait Item: DeserializeOwned {
    /// Checks what its type does not say.
    ///
    /// # Errors
    /// The first field that is not valid.
    fn check(&self) -> Result<(), Invalid>;
}

impl Item for PredictionRecord {
    fn check(&self) -> Result<(), Invalid> {
        self.validate()
    }
}

/// Takes a body apart by its content type, and validates every record.
///
/// # Errors
/// `unsupported_media_type`; `invalid_request` for bad JSON; `too_large` for more than `most`
/// records; `invalid_input`, with `index` and `field`, for a record that is not valid.
pub(super) fn parse<T: Item>(headers: &HeaderMap, body: &[u8], most: usize) -> Result<Vec<T>, ApiError> {
    let records: Vec<T> = match monitoring::media_type(headers).as_str() {
        "application/json" if body.trim_ascii_start().starts_with(b"[") => array(body, most)?,
        "application/json" => vec![record(0, body)?],
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => lines(body, most)?,
        _ => {
            let sentence =
                "Send application/json (one record or an array) or application/x-ndjson (one record a line).";
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, sentence));
        }
    };
    for (index, record) in records.iter().enumerate() {
        record.check().map_err(|Invalid { field, problem }| refused(index, Some(field), &problem))?;
    }
    Ok(records)
}

fn array<T: Item>(body: &[u8], most: usize) -> Result<Vec<T>, ApiError> {
    // Keeping track of where it is takes as long again, so only a body that cannot be read is read that way.
    let plain = serde_json::from_slice::<Array<T>>(body);
    if let Ok(array) = plain {
        return array.within(most);
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let array: Array<T> = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (index, field) = place(error.path());
        unreadable(index, field, &error.into_inner())
    })?;
    json.end().map_err(|error| unreadable(None, None, &error))?;
    array.within(most)
}

fn lines<T: Item>(body: &[u8], most: usize) -> Result<Vec<T>, ApiError> {
    let lines = body.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let within = |index| if index < most { Ok(index) } else { Err(too_many(most)) };
    lines.enumerate().map(|(index, line)| record(within(index)?, line)).collect()
}

fn record<T: Item>(index: usize, json: &[u8]) -> Result<T, ApiError> {
    if let Ok(record) = serde_json::from_slice(json) {
        return Ok(record);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let record = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let field = place(error.path()).1;
        unreadable(Some(index), field, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| unreadable(Some(index), None, &error))?;
    Ok(record)
}

/// A JSON array of records that stops keeping them beyond a bound.
struct Array<T> {
    records: Vec<T>,
    overflow: bool,
}

impl<T> Array<T> {
    fn within(self, most: usize) -> Result<Vec<T>, ApiError> {
        if self.records.len() > most || self.overflow { Err(too_many(most)) } else { Ok(self.records) }
    }
}

impl<'de, T: Item> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArrayVisitor(PhantomData))
    }
}

struct ArrayVisitor<T>(PhantomData<T>);

impl<'de, T: Item> Visitor<'de> for ArrayVisitor<T> {
    type Value = Array<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Array<T>, A::Error> {
        let mut records = Vec::new();
        while records.len() < MOST_KEPT {
            match elements.next_element()? {
                Some(record) => records.push(record),
                None => return Ok(Array { records, overflow: false }),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Array { records, overflow: true })
    }
}

/// The index of the record and the field within it that a path leads to.
fn place(path: &Path) -> (Option<usize>, Option<String>) {
    let mut index = None;
    let mut field = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index: position } if field.is_empty() => index = Some(*position),
            Segment::Seq { index } => field.push_str(&format!("[{index}]")),
            Segment::Map { key } if field.is_empty() => field.push_str(key),
            Segment::Map { key } => field.push_str(&format!(".{key}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    (index, (!field.is_empty()).then_some(field))
}

/// `index` is `None` for what is wrong between the records or behind them.
fn unreadable(index: Option<usize>, field: Option<String>, error: &serde_json::Error) -> ApiError {
    match error.classify() {
        Category::Data => {
            let problem = error.to_string();
            // A missing field has no path; serde names it between backticks.
            let missing = problem.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            let index = index.unwrap_or_default();
            match missing {
                Some(field) => refused(index, Some(field.to_owned()), "is missing"),
                None => refused(index, field, &format!("cannot be read: {problem}")),
            }
        }
        Category::Syntax | Category::Eof | Category::Io => match index {
            None => ApiError::new(ErrorCode::InvalidRequest, format!("The JSON cannot be read: {error}.")),
            Some(index) => {
                let sentence = format!("The JSON of record {index} cannot be read: {error}.");
                ApiError::new(ErrorCode::InvalidRequest, sentence).detail("index", index)
            }
        },
    }
}

fn refused(index: usize, field: Option<String>, problem: &str) -> ApiError {
    let subject = field.as_deref().unwrap_or("it");
    let sentence = format!("Record {index} is refused: {subject} {problem}. Nothing of this request was stored.");
    let refusal = ApiError::new(ErrorCode::InvalidInput, sentence).detail("index", index);
    match field {
        Some(field) => refusal.detail("field", field),
        None => refusal,
    }
}

fn too_many(most: usize) -> ApiError {
    ApiError::new(ErrorCode::TooLarge, format!("At most {most} records are taken at once; send them in parts."))
}
