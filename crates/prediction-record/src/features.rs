//! The value of a declared feature, and the tags of a request.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::SchemaType, schema::Type};
use utoipa::{PartialSchema, ToSchema};

/// The values of tags by key.
pub type Tags = BTreeMap<String, String>;

/// The schema of [`FeatureValues`](crate::FeatureValues), under a name of its own.
#[derive(ToSchema)]
#[schema(as = FeatureValues)]
pub struct FeatureValuesSchema(pub BTreeMap<String, FeatureValue>);

/// The schema of [`Tags`], under a name of its own.
#[derive(ToSchema)]
#[schema(as = Tags)]
pub struct TagsSchema(pub BTreeMap<String, String>);

/// The value of one feature: a number, a category, or nothing. In JSON it is a number, a text or `null`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FeatureValue {
    /// A finite number.
    Number(f64),
    /// One of several names. `true` and `false` are names as well.
    Category(String),
    /// There is no value.
    #[default]
    Missing,
}

impl Serialize for FeatureValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Category(name) => serializer.serialize_str(name),
            Self::Missing => serializer.serialize_unit(),
        }
    }
}

impl<'de> Deserialize<'de> for FeatureValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FeatureValueVisitor)
    }
}

struct FeatureValueVisitor;

impl Visitor<'_> for FeatureValueVisitor {
    type Value = FeatureValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, true, false or null")
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<FeatureValue, E> {
        if number.is_finite() {
            Ok(FeatureValue::Number(number))
        } else {
            Err(E::custom("a feature must be a finite number"))
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "JSON has one kind of number")]
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<FeatureValue, E> {
        Ok(FeatureValue::Number(number as f64))
    }

    #[allow(clippy::cast_precision_loss, reason = "JSON has one kind of number")]
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<FeatureValue, E> {
        Ok(FeatureValue::Number(number as f64))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<FeatureValue, E> {
        Ok(FeatureValue::Category(if flag { "true" } else { "false" }.to_owned()))
    }

    fn visit_str<E>(self, name: &str) -> Result<FeatureValue, E> {
        Ok(FeatureValue::Category(name.to_owned()))
    }

    fn visit_string<E>(self, name: String) -> Result<FeatureValue, E> {
        Ok(FeatureValue::Category(name))
    }

    fn visit_unit<E>(self) -> Result<FeatureValue, E> {
        Ok(FeatureValue::Missing)
    }

    fn visit_none<E>(self) -> Result<FeatureValue, E> {
        Ok(FeatureValue::Missing)
    }
}

impl PartialSchema for FeatureValue {
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::Number, Type::String, Type::Boolean, Type::Null]);
        ObjectBuilder::new()
            .schema_type(types)
            .description(Some("A number, a category, or null where there is no value."))
            .into()
    }
}

impl ToSchema for FeatureValue {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::FeatureValues;

    #[test]
    fn numbers_texts_flags_and_nothing_are_values() {
        let text = r#"{"age":42,"city":"Paris","debt":-0.5,"income":null,"owner":true}"#;
        let values: FeatureValues = serde_json::from_str(text).unwrap();
        assert_eq!(values["age"], FeatureValue::Number(42.0));
        assert_eq!(values["income"], FeatureValue::Missing);
        assert_eq!(values["owner"], FeatureValue::Category("true".to_owned()));
        let again = r#"{"age":42.0,"city":"Paris","debt":-0.5,"income":null,"owner":"true"}"#;
        assert_eq!(serde_json::to_string(&values).unwrap(), again);
        assert!(serde_json::from_str::<FeatureValues>(r#"{"age":[1]}"#).is_err());
    }
}
