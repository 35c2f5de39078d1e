//! Labels as JSON has them.
//!
//! Rule of thumb: a class may be called by a number or a truth value, and whoever writes it as such means its name.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder};

/// Whole numbers from here on are not all numbers of their own in 64 bits.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Reads a label: a text, a number, `true` or `false`.
///
/// # Errors
/// It is none of these.
pub(crate) fn label_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let missing = || D::Error::invalid_type(serde::de::Unexpected::Unit, &OptionalLabelVisitor);
    optional_label_text(deserializer)?.ok_or_else(missing)
}

/// Reads a label that may be left out or null.
///
/// # Errors
/// It is neither a text nor a number, `true`, `false` or `null`.
pub(crate) fn optional_label_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(OptionalLabelVisitor)
}

/// The schema of what [`label_text`] reads.
pub(crate) fn label_schema() -> Object {
    schema("The class's label. A number, true or false is its name.", &[Type::String, Type::Number, Type::Boolean])
}

/// The schema of what [`optional_label_text`] reads.
pub(crate) fn optional_label_schema() -> Object {
    let description = "The predicted label; required for `status: \"success\"` of a classification. A number, true or false is its name.";
    schema(description, &[Type::String, Type::Number, Type::Boolean, Type::Null])
}

fn schema(description: &str, types: &[Type]) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types.iter().cloned()))
        .max_length(Some(256))
        .pattern(Some("^[^\\x00-\\x1f\\x7f-\\x9f]+$"))
        .description(Some(description))
        .build()
}

struct OptionalLabelVisitor;

impl Visitor<'_> for OptionalLabelVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Option<String>, E> {
        Ok(Some(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<String>, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Option<String>, E> {
        Ok(Some(number.to_string()))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<String>, E> {
        if number.fract() == 0.0 && number.abs() < WHOLE {
            return Ok(Some((number as i64).to_string()));
        }
        serde_json::to_string(&number).map(Some).map_err(E::custom)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Option<String>, E> {
        Ok(Some(flag.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::PredictionRecord;

    #[test]
    fn a_label_is_a_text_however_it_is_written() {
        for (json, label) in [
            ("\"cat\"", Some("cat")),
            ("\"1.0\"", Some("1.0")),
            ("1", Some("1")),
            ("-1", Some("-1")),
            ("1.0", Some("1")),
            ("1e2", Some("100")),
            ("0.5", Some("0.5")),
            ("true", Some("true")),
            ("null", None),
        ] {
            let record: PredictionRecord = serde_json::from_str(&format!(r#"{{"model":"m","label":{json}}}"#)).unwrap();
            assert_eq!(record.label.as_deref(), label, "{json}");
            let top = format!(r#"{{"model":"m","top":[{{"label":{json},"confidence":0.5}}]}}"#);
            let top = serde_json::from_str::<PredictionRecord>(&top).ok().map(|record| record.top[0].label.clone());
            assert_eq!(top.as_deref(), label, "{json}");
        }
        for wrong in ["[1]", "{}"] {
            assert!(serde_json::from_str::<PredictionRecord>(&format!(r#"{{"model":"m","label":{wrong}}}"#)).is_err());
        }
    }
}
