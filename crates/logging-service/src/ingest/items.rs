//! One or many records or labels out of a body, in its three forms, and what is wrong with one of them.

use std::fmt;
use std::marker::PhantomData;

use monitoring::{ApiError, ErrorCode};
use prediction_record::{InvalidRecord, ObjectsOnly, PredictionRecord, read_json};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::body::ReceivedBody;
use super::plain_words::in_plain_words;

/// The most items that are kept of one array; the rest are only counted, so that memory stays bounded.
const MOST_KEPT: usize = 1_000_000;

/// A body holds one of these, or many.
pub(crate) trait BodyItem: DeserializeOwned {
    /// Checks what the type itself does not ensure.
    ///
    /// # Errors
    /// The first field that is not valid.
    fn check(&self) -> Result<(), InvalidRecord>;
}

impl BodyItem for PredictionRecord {
    fn check(&self) -> Result<(), InvalidRecord> {
        self.validate()
    }
}

/// Reads the items of a body by its content type, and validates each of them.
///
/// # Errors
/// `unsupported_media_type`; `invalid_request` for bad JSON; `too_large` for more than `most`
/// items; `invalid_input`, with `index` and `field`, for an item that is not valid.
pub(super) fn parse_items<T: BodyItem>(body: &ReceivedBody, most: usize) -> Result<Vec<T>, ApiError> {
    let bytes = &body.bytes[..];
    let items: Vec<T> = match monitoring::media_type(&body.headers).as_str() {
        "application/json" if bytes.trim_ascii_start().starts_with(b"[") => parse_array(bytes, most)?,
        "application/json" => vec![parse_item(0, bytes)?],
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => parse_lines(bytes, most)?,
        _ => {
            let sentence =
                "Send application/json (one record or an array) or application/x-ndjson (one record a line).";
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, sentence));
        }
    };
    for (index, item) in items.iter().enumerate() {
        item.check().map_err(|InvalidRecord { field, problem }| refused(index, Some(field), &problem))?;
    }
    Ok(items)
}

fn parse_array<T: BodyItem>(bytes: &[u8], most: usize) -> Result<Vec<T>, ApiError> {
    // Tracking the path doubles the time, so only a body that cannot be read is read a second time with it.
    if let Ok(array) = read_json::<BoundedArray<T>>(bytes) {
        return array.within(most);
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let array: BoundedArray<T> = serde_path_to_error::deserialize(ObjectsOnly(&mut json)).map_err(|error| {
        let place = FieldPlace::of(error.path());
        unreadable(place, &error.into_inner())
    })?;
    json.end().map_err(|error| unreadable(FieldPlace::default(), &error))?;
    array.within(most)
}

fn parse_lines<T: BodyItem>(bytes: &[u8], most: usize) -> Result<Vec<T>, ApiError> {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let within = |index| if index < most { Ok(index) } else { Err(too_many(most)) };
    lines.enumerate().map(|(index, line)| parse_item(within(index)?, line)).collect()
}

fn parse_item<T: BodyItem>(index: usize, json: &[u8]) -> Result<T, ApiError> {
    if let Ok(item) = read_json(json) {
        return Ok(item);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let item = serde_path_to_error::deserialize(ObjectsOnly(&mut deserializer)).map_err(|error| {
        let place = FieldPlace { index: Some(index), ..FieldPlace::of(error.path()) };
        unreadable(place, &error.into_inner())
    })?;
    let place = FieldPlace { index: Some(index), field: None };
    deserializer.end().map_err(|error| unreadable(place, &error))?;
    Ok(item)
}

/// A JSON array that keeps no items beyond a bound.
struct BoundedArray<T> {
    items: Vec<T>,
    overflow: bool,
}

impl<T> BoundedArray<T> {
    fn within(self, most: usize) -> Result<Vec<T>, ApiError> {
        if self.items.len() > most || self.overflow { Err(too_many(most)) } else { Ok(self.items) }
    }
}

impl<'de, T: BodyItem> Deserialize<'de> for BoundedArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BoundedArrayVisitor(PhantomData))
    }
}

struct BoundedArrayVisitor<T>(PhantomData<T>);

impl<'de, T: BodyItem> Visitor<'de> for BoundedArrayVisitor<T> {
    type Value = BoundedArray<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<BoundedArray<T>, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST_KEPT {
            match elements.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(BoundedArray { items, overflow: false }),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(BoundedArray { items, overflow: true })
    }
}

/// Where in a body something is wrong.
#[derive(Default)]
struct FieldPlace {
    /// The item's position; `None` for what is wrong between the items or after them.
    index: Option<usize>,
    /// The path of the field within the item, such as `top[2].label`.
    field: Option<String>,
}

impl FieldPlace {
    fn of(path: &Path) -> Self {
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
        Self { index, field: (!field.is_empty()).then_some(field) }
    }
}

fn unreadable(place: FieldPlace, error: &serde_json::Error) -> ApiError {
    match error.classify() {
        Category::Data => {
            let problem = error.to_string();
            // A missing field has no path; serde names it between backticks.
            let missing = problem.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            let index = place.index.unwrap_or_default();
            match missing {
                Some(field) => refused(index, Some(field.to_owned()), "is missing"),
                None => refused(index, place.field, &format!("cannot be read: {}", in_plain_words(&problem))),
            }
        }
        Category::Syntax | Category::Eof | Category::Io => match place.index {
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
