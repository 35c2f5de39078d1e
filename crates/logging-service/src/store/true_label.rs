//! A true label as it is sent: whom it means, and what was true.

use std::fmt;

use jiff::Timestamp;
use prediction_record::WholeNumber;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::time::floor_microseconds;
use crate::analysis::label_name;

/// What was true of predictions: of all of one row of a request, or of those among them that the label names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = Label)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrueLabel {
    /// The request that asked for the prediction. It may be left out where `event_id` is given.
    #[serde(default)]
    #[schema(max_length = 128, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$", example = "visit-1")]
    pub(crate) request_id: Option<String>,
    /// Position of the item in the request's batch; 0 if it is left out.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 4294967295u32)]
    pub(crate) row_index: WholeNumber,
    /// The one prediction that is meant.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub(crate) event_id: Option<Uuid>,
    /// The model whose prediction is meant. A label that names none counts for the predictions of all models that
    /// answered the row.
    #[serde(default)]
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    pub(crate) model: Option<String>,
    /// The version of the model whose prediction is meant.
    #[serde(default)]
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    pub(crate) version: Option<String>,
    /// The variant whose prediction is meant, such as `canary` or `shadow`.
    #[serde(default)]
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    pub(crate) variant: Option<String>,
    /// The true label: a class by its name, or a number. Where the classes of the model are declared, a whole number is
    /// the index of a class, unless a class has that name.
    pub(crate) label: LabelText,
    /// When it became known; now, if it is left out.
    #[serde(default, deserialize_with = "prediction_record::optional_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) labelled_at: Option<Timestamp>,
    /// The person or system that says so.
    #[serde(default)]
    #[schema(max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(crate) source: Option<String>,
    /// Higher ones win; 0 if it is left out.
    #[serde(default, deserialize_with = "prediction_record::whole_number")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 4294967295u32)]
    pub(crate) revision: u32,
}

impl TrueLabel {
    /// Whom the label means.
    pub(super) fn target(&self) -> LabelTarget {
        let or_any = |name: &Option<String>| name.clone().unwrap_or_default();
        // An event id says which row it is; without one, a label without a row is about the first.
        let row = self.row_index.0.map(i64::from);
        LabelTarget {
            event_id: self.event_id.map(|id| id.simple().to_string()).unwrap_or_default(),
            request_id: or_any(&self.request_id),
            row_index: row.unwrap_or(if self.event_id.is_some() { ANY_ROW } else { 0 }),
            model: or_any(&self.model),
            version: or_any(&self.version),
            variant: or_any(&self.variant),
        }
    }

    /// When it became known, in microseconds since 1970.
    pub(super) fn time(&self) -> Option<i64> {
        self.labelled_at.map(floor_microseconds)
    }
}

/// The row of a label that names a prediction by its event id alone.
pub(super) const ANY_ROW: i64 = -1;

/// The predictions that a label means. An empty text means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LabelTarget {
    /// The id of one prediction, 32 hexadecimal digits.
    pub(super) event_id: String,
    /// The request; empty only beside an event id.
    pub(super) request_id: String,
    /// The row of the request, or [`ANY_ROW`].
    pub(super) row_index: i64,
    /// Name of the model.
    pub(super) model: String,
    /// Its version.
    pub(super) version: String,
    /// Its variant.
    pub(super) variant: String,
}

/// A label in the spelling under which it is counted. In JSON it is a text, a number, `true` or `false`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelText(pub(crate) String);

impl<'de> Deserialize<'de> for LabelText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelTextVisitor)
    }
}

struct LabelTextVisitor;

impl Visitor<'_> for LabelTextVisitor {
    type Value = LabelText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_str<E>(self, text: &str) -> Result<LabelText, E> {
        Ok(LabelText(label_name(text).into_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<LabelText, E> {
        Ok(LabelText(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<LabelText, E> {
        Ok(LabelText(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<LabelText, E> {
        let text = serde_json::to_string(&number).map_err(E::custom)?;
        self.visit_str(&text)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<LabelText, E> {
        Ok(LabelText(flag.to_string()))
    }
}

impl PartialSchema for LabelText {
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean]);
        ObjectBuilder::new()
            .schema_type(types)
            .description(Some("A class by its name, a number, or true or false. `1`, `1.0` and `\"1\"` are one label."))
            .max_length(Some(256))
            .pattern(Some("^[^\\x00-\\x1f\\x7f-\\x9f]+$"))
            .examples(["cat"])
            .into()
    }
}

impl ToSchema for LabelText {}
