//! The shape of a request's input, without its numbers.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The most dimensions that are kept.
const MAX_DIMENSIONS: usize = 8;

/// What the records of a call keep of its request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// V1: the shape of `instances`, by its first elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instances: Option<InputShape>,
    /// V2: the input tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<InputTensors>,
}

impl RequestFacts {
    /// The shape of the first input, rows first; `None` where there is no input.
    pub fn shape(&self) -> Option<&[u64]> {
        let shape = self.inputs.as_ref().and_then(|inputs| inputs.0.as_ref()).or(self.instances.as_ref())?;
        Some(&shape.0)
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
