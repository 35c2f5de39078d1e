//! What a request asks, without its numbers.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Most dimensions that are told.
const MAX_DIMENSIONS: usize = 8;

/// The facts about a request that its records keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestFacts {
    /// V1: the shape of `instances`, by its first elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instances: Option<Shape>,
    /// V2: the input tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inputs: Option<Inputs>,
}

impl RequestFacts {
    /// The shape of the first input, rows first; `None` where there is no input.
    pub fn shape(&self) -> Option<&[u64]> {
        let shape = self.inputs.as_ref().and_then(|inputs| inputs.0.as_ref()).or(self.instances.as_ref())?;
        Some(&shape.0)
    }
}

/// The sizes of nested arrays; written as a list of sizes inside of an object, so that it is not taken for data.
#[derive(Clone, Debug, PartialEq)]
struct Shape(Vec<u64>);

impl Shape {
    fn bounded(mut sizes: Vec<u64>) -> Self {
        sizes.truncate(MAX_DIMENSIONS);
        Self(sizes)
    }
}

/// The shape of the first tensor.
#[derive(Clone, Debug, Default, PartialEq)]
struct Inputs(Option<Shape>);

#[derive(Serialize, Deserialize)]
struct Tensor {
    #[serde(default)]
    shape: Vec<u64>,
}

impl Serialize for Shape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Tensor { shape: self.0.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor).map(Shape::bounded)
    }
}

impl Serialize for Inputs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de> Deserialize<'de> for Inputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tensors = Vec::<Tensor>::deserialize(deserializer)?;
        Ok(Self(tensors.into_iter().next().map(|tensor| Shape::bounded(tensor.shape))))
    }
}

/// Measures arrays by the first element on each level, keeping none.
struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Vec<u64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<u64>, A::Error> {
        let Some(Shape(inner)) = elements.next_element()? else { return Ok(vec![0]) };
        let mut count = 1;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok([vec![count], inner].concat())
    }

    /// Our own form, `{"shape": […]}`, or any other object, which has no shape.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<u64>, A::Error> {
        let mut shape = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == "shape" {
                shape = members.next_value::<Sizes>()?.0;
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

/// A list of sizes; anything else is none.
#[derive(Deserialize)]
#[serde(from = "serde_json::Value")]
struct Sizes(Vec<u64>);

impl From<serde_json::Value> for Sizes {
    fn from(value: serde_json::Value) -> Self {
        let sizes = value.as_array().and_then(|sizes| sizes.iter().map(serde_json::Value::as_u64).collect());
        Self(sizes.unwrap_or_default())
    }
}
