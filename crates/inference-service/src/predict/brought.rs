//! What a request brought, before its model is known.
//!
//! Rule of thumb: how JSON becomes tensors depends on the model, so their text waits until the model is found. It points into
//! the request's body and is not copied.

use axum::body::Bytes;
use monitoring::{ApiError, ErrorCode};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::decode::Payload;
use super::decoded_item::refused;
use crate::app::App;
use crate::input::{
    InputError, ItemShape, JsonElements, NumberArray, SentInputs, SentOptional, UnreadElements, in_order,
    read_elements, whole_shape,
};
use crate::model::{Datatype, Engine, OptionalTensor, Tensor, TensorSpec};
use crate::rows::{self, RowLimits, RowTarget};

/// Pictures, or the text of tensors.
pub(crate) enum BroughtPayload {
    Ready(Payload),
    /// `input`: one item, or the tensor of a model that takes whole ones.
    One(Bytes),
    /// `inputs`: several items, or tensors by name.
    Several(Bytes),
    /// `rows`: a list of objects.
    Rows(Bytes),
    /// A table with a header.
    Csv(Bytes),
    /// A Parquet file.
    Parquet(Bytes),
    /// An Arrow stream or file.
    Arrow(Bytes),
}

/// How many items a text has.
#[derive(Clone, Copy, PartialEq)]
enum TextItems {
    One,
    Several,
    /// The model takes whole tensors.
    Whole,
}

impl From<Payload> for BroughtPayload {
    fn from(payload: Payload) -> Self {
        Self::Ready(payload)
    }
}

impl BroughtPayload {
    /// Reads the tensors, or the rows, as this model takes them. What takes more than a millisecond waits for its turn with the
    /// decoders of `app`.
    ///
    /// # Errors
    /// As [`BroughtPayload::into_payload`].
    pub(crate) async fn read(self, engine: &Engine, app: &App) -> Result<Payload, ApiError> {
        let bytes = match &self {
            Self::Ready(_) => 0,
            Self::One(bytes) | Self::Several(bytes) | Self::Rows(bytes) | Self::Csv(bytes) => bytes.len(),
            // A file unpacks to more than it is.
            Self::Parquet(_) | Self::Arrow(_) => usize::MAX,
        };
        app.decoders.by_size(bytes, || self.into_payload(engine, app.config.row_limits())).await?
    }

    /// Reads the tensors, or the rows, as this model takes them.
    ///
    /// # Errors
    /// `invalid_input` for other tensors than it takes, and for a bad row; `too_large` for rows beyond the limits;
    /// `invalid_request` for numbers that no double-precision one holds, and for a table that is none.
    pub(crate) fn into_payload(self, engine: &Engine, limits: RowLimits) -> Result<Payload, ApiError> {
        match self {
            Self::Ready(payload) => Ok(payload),
            Self::One(text) => Self::read_tensors(as_text(&text), TextItems::One, engine),
            Self::Several(text) => Self::read_tensors(as_text(&text), TextItems::Several, engine),
            Self::Csv(bytes) => Ok(Payload::Rows(rows::read_csv(&bytes, RowTarget::of(engine, limits)?)?)),
            Self::Parquet(file) => Ok(Payload::Rows(rows::read_parquet(&file, RowTarget::of(engine, limits)?)?)),
            Self::Arrow(bytes) => Ok(Payload::Rows(rows::read_arrow(&bytes, RowTarget::of(engine, limits)?)?)),
            Self::Rows(text) => Ok(Payload::Rows(rows::read_json(as_text(&text), RowTarget::of(engine, limits)?)?)),
        }
    }

    fn read_tensors(text: &str, items: TextItems, engine: &Engine) -> Result<Payload, ApiError> {
        let SentInputs { required, optional } = tensors_of(text, items, engine)?;
        let several = required.len() + optional.len() > 1;
        let read = |spec: &TensorSpec, text: &str, items: TextItems| {
            let about = |problem: ApiError| match several {
                true => ApiError { message: format!("Of \"{}\": {}", spec.name, problem.message), ..problem },
                false => problem,
            };
            tensor(spec, text, items, engine).map_err(about)
        };
        let optional = optional.into_iter().map(|SentOptional { position, spec, sent }| {
            Ok(OptionalTensor { position, tensor: read(spec, sent, TextItems::Whole)? })
        });
        let optional = optional.collect::<Result<Vec<_>, ApiError>>()?;
        if engine.config().input.is_some() {
            let numbers = required.into_iter().next().map(|(_, text)| NumberArray::read(text));
            let numbers = numbers.ok_or_else(|| unfit("The model takes no input."))?.map_err(unread)?;
            let payload = if items == TextItems::One { Payload::Tensor(numbers) } else { Payload::Tensors(numbers) };
            return Ok(payload.with_optional(optional));
        }
        let items = if engine.takes_whole_tensors() { TextItems::Whole } else { items };
        let tensors = required
            .into_iter()
            .map(|(spec, text)| read(spec, text, items))
            .collect::<Result<Vec<Tensor>, ApiError>>()?;
        let rows = |tensor: &Tensor| tensor.shape().first().copied();
        if items != TextItems::Whole && tensors.iter().any(|tensor| rows(tensor) != tensors.first().and_then(rows)) {
            return Err(
                unfit("The inputs must have the same first dimension: one row for each item.").quoting_nothing()
            );
        }
        Ok(Payload::Typed(tensors).with_optional(optional))
    }
}

/// What was read out of JSON, which is UTF-8.
fn as_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// The text of each input's tensor.
fn tensors_of<'e, 't>(
    text: &'t str,
    items: TextItems,
    engine: &'e Engine,
) -> Result<SentInputs<'e, &'t str>, ApiError> {
    let specs = &engine.signature().inputs;
    if text.starts_with('{') {
        let named =
            serde_json::from_str::<NamedTexts<'_>>(text).map_err(|problem| unread(UnreadElements::Json(problem)))?;
        return in_order(named.0, engine.signature()).map_err(|problem| unfit(format!("{problem}.")));
    }
    let example = || {
        let names = specs.iter().map(|spec| format!("\"{}\": […]", spec.name)).collect::<Vec<_>>().join(", ");
        format!("{{\"inputs\": {{{names}}}}}")
    };
    match &specs[..] {
        [only] if items == TextItems::One || !engine.takes_whole_tensors() => {
            Ok(SentInputs { required: vec![(only, text)], optional: Vec::new() })
        }
        [_] => Err(unfit(format!(
            "The model {} takes whole tensors and no items: its tensor is `input`, or stands by its name in {}.",
            engine.name(),
            example()
        ))),
        several => Err(unfit(format!(
            "The model {} has {} inputs; name each of them: {}.",
            engine.name(),
            several.len(),
            example()
        ))),
    }
}

/// The tensor for an input of the model.
fn tensor(spec: &TensorSpec, text: &str, items: TextItems, engine: &Engine) -> Result<Tensor, ApiError> {
    let datatype = spec.datatype.unwrap_or(Datatype::Fp32);
    let JsonElements { values, shape } = read_elements(datatype, text, engine.missing()).map_err(unread)?;
    let found = shape.map_err(refused(None))?;
    let behind = |rows: usize, sizes: Vec<usize>| std::iter::once(rows).chain(sizes).collect::<Vec<usize>>();
    let item = spec.item().map(ItemShape::from);
    let shape = match (items, item) {
        (TextItems::Whole, _) => whole_shape(spec, &found).or_else(|| flat(spec, &found)).ok_or_else(|| {
            InputError::WrongShape { expected: format!("a tensor of {spec}"), found: format!("shape {found:?}") }
        }),
        (TextItems::One, Some(item)) => item.one(&found).map(|sizes| behind(1, sizes)),
        (TextItems::One, None) => Ok(behind(1, found)),
        (TextItems::Several, Some(item)) => item.several(&found).map(|sizes| behind(found[0], sizes)),
        (TextItems::Several, None) => Ok(found),
    };
    let shape = shape.map_err(refused(None))?;
    Tensor::new(shape, values).ok_or_else(|| unfit("The tensor has no elements.").quoting_nothing())
}

/// The shape of a whole tensor that is sent flat, where no dimension is open.
fn flat(spec: &TensorSpec, found: &[usize]) -> Option<Vec<usize>> {
    ItemShape::from(spec.shape.as_deref()?).of(found)
}

/// An object of texts by name; a name may come twice, which is found later.
pub(crate) struct NamedTexts<'a>(pub(crate) Vec<(String, &'a str)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for NamedTexts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedTextsVisitor;
        impl<'de> Visitor<'de> for NamedTextsVisitor {
            type Value = NamedTexts<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                while let Some((name, text)) = members.next_entry::<String, &'de RawValue>()? {
                    texts.push((name, text.get()));
                }
                Ok(NamedTexts(texts))
            }
        }
        deserializer.deserialize_map(NamedTextsVisitor)
    }
}

fn unread(problem: UnreadElements) -> ApiError {
    match problem {
        UnreadElements::Input(problem) => refused(None)(problem),
        UnreadElements::Json(problem) => {
            ApiError::new(ErrorCode::InvalidRequest, format!("The JSON cannot be read: {problem}."))
        }
    }
}

fn unfit(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence)
}
