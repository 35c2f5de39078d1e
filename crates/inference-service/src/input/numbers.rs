//! Numbers from JSON, nested in arrays of any depth, without a tree in between.
//!
//! Rule of thumb: JSON that parses but is no regular array of numbers does not stop the parsing of the request around it.
//! It becomes [`Numbers::Invalid`], so that the refusal can say that the input is wrong, and not the JSON.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::error::InputError;

/// Deepest nesting of arrays. Models take four dimensions, a list of items five.
const MAX_DEPTH: usize = 8;

/// What a client sent as numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Finite numbers in regular arrays.
    Array(NumberArray),
    /// Anything else: a string among numbers, arrays of different lengths, a number beyond 32-bit floats.
    Invalid(InputError),
}

/// Finite numbers in regular arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberArray {
    /// All numbers in reading order.
    pub values: Vec<f32>,
    /// The length of each level of arrays, outermost first; empty for a single number without an array.
    pub shape: Vec<usize>,
}

impl Numbers {
    /// How many numbers there are on all levels together; 0 for invalid ones.
    pub fn total(&self) -> usize {
        match self {
            Self::Array(array) => array.values.len(),
            Self::Invalid(_) => 0,
        }
    }

    /// The array.
    ///
    /// # Errors
    /// What made the numbers invalid.
    pub fn into_array(self) -> Result<NumberArray, InputError> {
        match self {
            Self::Array(array) => Ok(array),
            Self::Invalid(error) => Err(error),
        }
    }
}

impl PartialSchema for Numbers {
    fn schema() -> RefOr<Schema> {
        let anything = ObjectBuilder::new().schema_type(utoipa::openapi::schema::SchemaType::AnyValue);
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Number))
            .item(ArrayBuilder::new().items(anything))
            .description(Some("Numbers in arrays that are nested as the model's shape says, or in a flat one."))
            .into()
    }
}

impl ToSchema for Numbers {}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut reading = NumbersReading::default();
        NumberElement { reading: &mut reading, depth: 0 }.deserialize(deserializer)?;
        Ok(match reading.invalid {
            Some(error) => Self::Invalid(error),
            None => {
                let shape = reading.shape.into_iter().flatten().collect();
                Self::Array(NumberArray { values: reading.values, shape })
            }
        })
    }
}

/// A shape as messages show it.
pub(super) fn shape_text(shape: &[usize]) -> String {
    if shape.is_empty() { "a single number without an array".to_owned() } else { format!("shape {shape:?}") }
}

/// What has been read so far.
#[derive(Default)]
struct NumbersReading {
    values: Vec<f32>,
    /// One entry for each level that was ever opened; its length once the first array of that level has closed.
    shape: Vec<Option<usize>>,
    /// The first thing that was wrong. From then on, the rest is skipped.
    invalid: Option<InputError>,
}

impl NumbersReading {
    fn refuse(&mut self, error: InputError) {
        self.invalid.get_or_insert(error);
    }

    fn refuse_type(&mut self, found: &str) {
        self.refuse(InputError::WrongType { found: found.to_owned() });
    }

    fn refuse_ragged(&mut self, found: String) {
        self.refuse(InputError::WrongShape { expected: "arrays of equal length and depth".to_owned(), found });
    }

    /// A number inside of `depth` arrays. All numbers stand in the innermost arrays.
    fn number(&mut self, depth: usize, number: f64) {
        if self.invalid.is_some() {
            return;
        }
        let value = number as f32;
        if depth != self.shape.len() {
            self.refuse_ragged(format!("a number beside an array, {depth} levels deep"));
        } else if value.is_finite() {
            self.values.push(value);
        } else {
            self.refuse(InputError::NonFinite { index: self.values.len(), found: number });
        }
    }

    /// An array inside of `depth` others.
    fn open(&mut self, depth: usize) {
        if depth >= MAX_DEPTH {
            let expected = format!("arrays nested at most {MAX_DEPTH} deep");
            self.refuse(InputError::WrongShape { expected, found: "deeper ones".to_owned() });
        } else if depth == self.shape.len() {
            // This level is new. Only the way down to the first number may open one.
            if !self.values.is_empty() || self.shape.iter().any(Option::is_some) {
                self.refuse_ragged(format!("an array beside a number, {depth} levels deep"));
            }
            self.shape.push(None);
        }
    }

    /// The end of an array inside of `depth` others, with this many elements.
    fn close(&mut self, depth: usize, length: usize) {
        if self.invalid.is_some() {
            return;
        }
        match self.shape.get(depth).copied().flatten() {
            Some(expected) if expected != length => {
                self.refuse_ragged(format!("arrays of {expected} and of {length} elements"));
            }
            _ => self.shape[depth] = Some(length),
        }
    }
}

/// Reads one element, which stands inside of `depth` arrays.
struct NumberElement<'a> {
    reading: &'a mut NumbersReading,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for NumberElement<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NumberElement<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("numbers in arrays")
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.reading.number(self.depth, number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.reading.number(self.depth, number as f64);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.reading.number(self.depth, number as f64);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.reading.refuse_type(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.reading.refuse_type("a string");
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.reading.refuse_type("null");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.reading.refuse_type("an object");
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { reading, depth } = self;
        reading.open(depth);
        let mut length = 0;
        while reading.invalid.is_none() {
            if elements.next_element_seed(NumberElement { reading: &mut *reading, depth: depth + 1 })?.is_none() {
                reading.close(depth, length);
                return Ok(());
            }
            length += 1;
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
