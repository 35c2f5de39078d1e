//! Rows as JSON: a list of objects.

use std::borrow::Cow;
use std::fmt;

use monitoring::ApiError;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::reader::{FeatureRows, RowCell, RowReader, RowTarget};
use super::refusal::{RowRefusal, unreadable};

/// How serde_json's refusal of a number begins that no double holds.
const BEYOND_DOUBLES: &str = "number out of range";

/// Reads a list of objects that have the values by the names of the features.
///
/// # Errors
/// `invalid_request` for another text; `invalid_input` naming row and feature; `too_large` for too many rows.
pub(crate) fn read_json(text: &str, target: RowTarget<'_>) -> Result<FeatureRows, ApiError> {
    let mut reading = JsonReading { reader: target.reader(), refused: None };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = RowList(&mut reading).deserialize(&mut json).and_then(|()| json.end());
    match (read, reading.refused) {
        (Err(_), Some(refused)) => Err(refused.into()),
        (Err(problem), None) => Err(unreadable("JSON", &problem)),
        (Ok(()), _) => Ok(reading.reader.finish()),
    }
}

struct JsonReading<'e> {
    reader: RowReader<'e>,
    /// What ended the reading early.
    refused: Option<RowRefusal>,
}

impl JsonReading<'_> {
    /// Ends the reading if something was refused; the error is only a signal.
    fn go_on<T, E: serde::de::Error>(&mut self, step: Result<T, RowRefusal>) -> Result<T, E> {
        step.map_err(|refusal| {
            self.refused = Some(refusal);
            E::custom("refused")
        })
    }
}

struct RowList<'a, 'e>(&'a mut JsonReading<'e>);

impl<'de> DeserializeSeed<'de> for RowList<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowList<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows to be a list of objects such as {\"age\": 42}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(OneRow(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

struct OneRow<'a, 'e>(&'a mut JsonReading<'e>);

impl<'de> DeserializeSeed<'de> for OneRow<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneRow<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row to be an object such as {\"age\": 42}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let reading = self.0;
        let begun = reading.reader.begin_row();
        reading.go_on(begun)?;
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            let column = reading.reader.target().column(&name);
            let place = reading.go_on(column)?;
            let taken = match members.next_value::<JsonCell<'_>>() {
                Ok(JsonCell(cell)) => reading.reader.cell(place, cell),
                // The value ends the reading, so that nothing of the text is read from its middle.
                Err(problem) if problem.to_string().starts_with(BEYOND_DOUBLES) => {
                    let refused = reading.reader.cell(place, RowCell::BEYOND);
                    reading.go_on(refused)?;
                    return Err(problem);
                }
                Err(problem) => return Err(problem),
            };
            reading.go_on(taken)?;
        }
        let ended = reading.reader.end_row();
        reading.go_on(ended)
    }
}

/// A cell in JSON.
pub(crate) struct JsonCell<'a>(pub(crate) RowCell<'a>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for JsonCell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonCellVisitor).map(JsonCell)
    }
}

struct JsonCellVisitor;

impl<'de> Visitor<'de> for JsonCellVisitor {
    type Value = RowCell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, true, false or null")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<RowCell<'de>, E> {
        Ok(RowCell::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<RowCell<'de>, E> {
        Ok(RowCell::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<RowCell<'de>, E> {
        Ok(RowCell::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<RowCell<'de>, E> {
        Ok(RowCell::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<RowCell<'de>, E> {
        Ok(RowCell::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<RowCell<'de>, E> {
        Ok(RowCell::Text(text.to_owned().into()))
    }

    fn visit_unit<E>(self) -> Result<RowCell<'de>, E> {
        Ok(RowCell::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RowCell<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(RowCell::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<RowCell<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(RowCell::Other("an object"))
    }
}
