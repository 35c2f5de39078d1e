//! The shape of a request's input, without its numbers but for the features that the model declares.

use std::fmt;

use prediction_record::FeatureDeclaration;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::binary::{read_body, split};
use super::features::{FeatureRow, read_rows};
use crate::cloudevents::batch::{without_mark, without_no_numbers};

/// The most dimensions that are kept.
const MAX_DIMENSIONS: usize = 8;

/// The body of a request as it came.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cloudevents) enum RequestBody {
    /// Bytes, and the length of the JSON in front of binary tensors where the sender tells it.
    Bytes { bytes: Vec<u8>, json_length: Option<usize> },
    /// JSON that stood in the JSON of its event.
    Json(Value),
}

/// What the records of a call keep of its request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestFacts {
    #[serde(flatten)]
    asked: AskedShape,
    /// The features of each row, where the model declares some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    feature_rows: Vec<FeatureRow>,
}

/// The shape of a request's input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct AskedShape {
    /// V1: the shape of `instances`, by its first elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instances: Option<InputShape>,
    /// V2: the input tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<InputTensors>,
}

impl RequestFacts {
    /// Measures the body of a request, and keeps nothing else of it. Binary tensors may follow the JSON.
    pub(super) fn read(bytes: &[u8], json_length: Option<usize>) -> Result<Self, String> {
        let bytes = without_mark(bytes);
        let json = match json_length.and_then(|length| bytes.split_at_checked(length)) {
            Some((json, _)) => json,
            None => split(bytes).0,
        };
        let asked = serde_json::from_slice(json).or_else(|_| serde_json::from_slice(&without_no_numbers(json)));
        asked.map(Self::of).map_err(|error| error.to_string())
    }

    /// The same for a body that stood in the JSON of its event.
    pub(super) fn of_value(value: &Value) -> Result<Self, String> {
        AskedShape::deserialize(value).map(Self::of).map_err(|error| error.to_string())
    }

    fn of(asked: AskedShape) -> Self {
        Self { asked, feature_rows: Vec::new() }
    }

    /// Keeps the features that are declared.
    pub(in crate::cloudevents) fn keep_features(&mut self, body: &RequestBody, declared: &[FeatureDeclaration]) {
        if declared.is_empty() {
            return;
        }
        self.feature_rows = match body {
            RequestBody::Json(value) => read_rows(value, declared),
            RequestBody::Bytes { bytes, json_length } => {
                read_body(bytes, *json_length).map(|value| read_rows(&value, declared)).unwrap_or_default()
            }
        };
    }

    /// The shape of the first input, rows first; `None` where there is no input.
    pub fn shape(&self) -> Option<&[u64]> {
        let AskedShape { instances, inputs } = &self.asked;
        let shape = inputs.as_ref().and_then(|inputs| inputs.0.as_ref()).or(instances.as_ref())?;
        Some(&shape.0)
    }

    /// The features of each row; none where the model declares none.
    pub fn features(&self) -> &[FeatureRow] {
        &self.feature_rows
    }
}

/// The sizes of nested arrays. Its JSON is an object that holds the list of sizes, because a bare list would look like data.
#[derive(Clone, Debug, PartialEq)]
struct InputShape(Vec<u64>);

impl InputShape {
    fn bounded(mut sizes: Vec<u64>) -> Self {
        sizes.truncate(MAX_DIMENSIONS);
        Self(sizes)
    }
}

/// The input tensors of V2, of which the shape of the first is kept.
#[derive(Clone, Debug, Default, PartialEq)]
struct InputTensors(Option<InputShape>);

#[derive(Serialize, Deserialize)]
struct TensorShape {
    #[serde(default)]
    shape: Vec<u64>,
}

impl Serialize for InputShape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TensorShape { shape: self.0.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for InputShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputShapeVisitor).map(InputShape::bounded)
    }
}

impl Serialize for InputTensors {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> Deserialize<'de> for InputTensors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tensors = Vec::<TensorShape>::deserialize(deserializer)?;
        Ok(Self(tensors.into_iter().next().map(|tensor| InputShape::bounded(tensor.shape))))
    }
}

/// Measures arrays by the first element of each level, without keeping the elements.
struct InputShapeVisitor;

impl<'de> Visitor<'de> for InputShapeVisitor {
    type Value = Vec<u64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<u64>, A::Error> {
        let Some(InputShape(inner)) = elements.next_element()? else { return Ok(vec![0]) };
        let mut count = 1;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok([vec![count], inner].concat())
    }

    /// Reads our own form, `{"shape": […]}`; any other object has no shape.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<u64>, A::Error> {
        let mut shape = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == "shape" {
                shape = members.next_value::<ShapeSizes>()?.0;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(shape)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Vec<u64>, E> {
        Ok(Vec::new())
    }
    fn visit_i64<E>(self, _: i64) -> Result<Vec<u64>, E> {
        Ok(Vec::new())
    }
    fn visit_u64<E>(self, _: u64) -> Result<Vec<u64>, E> {
        Ok(Vec::new())
    }
    fn visit_f64<E>(self, _: f64) -> Result<Vec<u64>, E> {
        Ok(Vec::new())
    }
    fn visit_str<E>(self, _: &str) -> Result<Vec<u64>, E> {
        Ok(Vec::new())
    }
    fn visit_unit<E>(self) -> Result<Vec<u64>, E> {
        Ok(Vec::new())
    }
}

/// A list of sizes; empty where the JSON is anything else.
#[derive(Deserialize)]
#[serde(from = "serde_json::Value")]
struct ShapeSizes(Vec<u64>);

impl From<serde_json::Value> for ShapeSizes {
    fn from(value: serde_json::Value) -> Self {
        let sizes = value.as_array().and_then(|sizes| sizes.iter().map(serde_json::Value::as_u64).collect());
        Self(sizes.unwrap_or_default())
    }
}
