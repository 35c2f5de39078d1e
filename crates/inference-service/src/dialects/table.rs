//! Rows with named columns, as data frames and CSV have them, and the tensors that they are.
//!
//! Rule of thumb: of a model with one input, the columns in their order are what the input takes; of a model with several,
//! each column belongs to the input of its name. That is how MLflow gives a data frame to a model of ONNX.

use std::borrow::Cow;
use std::collections::HashMap;

use monitoring::ApiError;
use serde_json::Value;
use serde_json::value::RawValue;

use super::bounded_list::list;
use super::csv_cell::{cell_as_json, is_missing};
use super::number_cells::{NumberCells, number_as_json, written_number};
use super::refusal::{invalid, unfit};
use crate::model::{Datatype, Engine, TensorSpec};
use crate::predict::{BroughtPayload, NamedTexts};
use crate::rows::{FeatureRows, JsonCell, RowCell, RowTarget};

/// How the cells of a table are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CellText {
    /// As values of JSON.
    Json,
    /// As CSV has them, where only the column tells what they are.
    Csv,
}

/// Rows of cells; each has as many as there are columns.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// The names of the columns, if they have names.
    pub(super) names: Option<Vec<String>>,
    pub(super) rows: Vec<Vec<Cow<'a, str>>>,
    pub(super) cells: CellText,
    pub(super) numbers: NumberCells,
}

impl<'a> Table<'a> {
    /// The rows of objects. A member that an object lacks is `null` in its row.
    pub(super) fn of_objects(objects: Vec<NamedTexts<'a>>) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut rows = Vec::with_capacity(objects.len());
        for NamedTexts(members) in objects {
            let mut row = vec![Cow::Borrowed("null"); names.len()];
            for (name, text) in members {
                let place = *places.entry(name).or_insert_with_key(|name| {
                    names.push(name.clone());
                    names.len() - 1
                });
                if place >= row.len() {
                    row.resize(place + 1, Cow::Borrowed("null"));
                }
                row[place] = Cow::Borrowed(text);
            }
            rows.push(row);
        }
        for row in &mut rows {
            row.resize(names.len(), Cow::Borrowed("null"));
        }
        Self { names: Some(names), rows, cells: CellText::Json, numbers: NumberCells::Numbers }
    }

    /// The rows of columns: of lists, or of single values, which are one row.
    ///
    /// # Errors
    /// `invalid_request` for columns that differ in length; `too_large`.
    pub(super) fn of_columns(columns: Vec<(String, &'a str)>, most: usize) -> Result<Self, ApiError> {
        let mut names = Vec::with_capacity(columns.len());
        let mut cells: Vec<Vec<&RawValue>> = Vec::with_capacity(columns.len());
        for (name, text) in columns {
            cells.push(match text.starts_with('[') {
                true => list(text, most, &name)?,
                false => vec![
                    serde_json::from_str(text)
                        .map_err(|problem| invalid(format!("{name} cannot be read: {problem}.")))?,
                ],
            });
            names.push(name);
        }
        let count = cells.first().map_or(0, Vec::len);
        if let Some((name, other)) = names.iter().zip(&cells).find(|(_, cells)| cells.len() != count) {
            let sentence = format!("The column {name:?} has {} values, and {:?} {count}.", other.len(), names[0]);
            return Err(invalid(sentence));
        }
        let row = |row: usize| {
            cells.iter().filter_map(|cells| cells.get(row)).map(|cell| Cow::Borrowed(cell.get())).collect()
        };
        Ok(Self {
            rows: (0..count).map(row).collect(),
            names: Some(names),
            cells: CellText::Json,
            numbers: NumberCells::Numbers,
        })
    }

    /// Whether it is to be read as rows of the model's features: it is, unless its columns are the model's inputs instead.
    pub(super) fn is_of_features(&self, engine: &Engine) -> bool {
        let Some(features) = engine.features() else { return false };
        let Some(names) = &self.names else { return true };
        let is_feature = |name: &String| features.position(name).is_some();
        let inputs: Vec<usize> = (0..names.len()).filter(|column| is_input(engine, &names[*column])).collect();
        // A feature and an input may have one name. No feature has a list as its value, so a list is the input's.
        let is_list =
            |column: &usize| self.rows.iter().any(|row| row.get(*column).is_some_and(|it| it.starts_with('[')));
        let has_tensors = self.cells == CellText::Json && inputs.iter().any(is_list);
        !has_tensors && (names.iter().any(is_feature) || inputs.is_empty())
    }

    /// The rows of a model's features. Columns that are none of them are left out, as MLflow leaves them out; without names,
    /// the columns are the features in their order.
    ///
    /// # Errors
    /// `invalid_input` naming row and feature; `too_large` for more rows than are taken.
    pub(super) fn rows(&self, target: RowTarget<'_>) -> Result<FeatureRows, ApiError> {
        let places: Vec<Option<usize>> = match &self.names {
            None => (0..self.rows.first().map_or(0, Vec::len)).map(Some).collect(),
            Some(names) => {
                let places: Vec<Option<usize>> = names.iter().map(|name| target.position(name)).collect();
                target.header(
                    names.iter().zip(&places).filter(|(_, place)| place.is_some()).map(|(name, _)| name.as_str()),
                )?;
                places
            }
        };
        let mut reader = target.reader();
        for row in &self.rows {
            reader.begin_row()?;
            for (place, cell) in places.iter().zip(row) {
                let Some(place) = place else { continue };
                let read = match self.cells {
                    CellText::Csv if is_missing(cell) => RowCell::Missing,
                    CellText::Csv => RowCell::Written(cell),
                    // The text was read before, so that only a number can be wrong.
                    CellText::Json => serde_json::from_str(cell).map_or(RowCell::BEYOND, |JsonCell(cell)| cell),
                };
                let takes_texts = self.numbers == NumberCells::AsMlflow && target.is_number(*place);
                match read {
                    RowCell::Text(text) if takes_texts => reader.cell(*place, written_number(&text))?,
                    RowCell::Written(text) if takes_texts => reader.cell(*place, written_number(text))?,
                    RowCell::Flag(flag) if takes_texts => reader.cell(*place, RowCell::Number(f64::from(flag)))?,
                    other => reader.cell(*place, other)?,
                }
            }
            reader.end_row()?;
        }
        Ok(reader.finish())
    }

    /// The tensors of a model's inputs. Columns that the model does not have are left out.
    ///
    /// # Errors
    /// `invalid_input` for a model of pictures, and for columns without names where there are several inputs.
    pub(super) fn brought(self, engine: &Engine) -> Result<BroughtPayload, ApiError> {
        if engine.config().input.is_some() {
            return Err(unfit(format!("The model {} takes pictures, and the request has a table.", engine.name())));
        }
        let is_whole = engine.takes_whole_tensors();
        match &engine.signature().inputs[..] {
            [only] => {
                let text = self.as_one(only, is_whole).into();
                Ok(if is_whole { BroughtPayload::One(text) } else { BroughtPayload::Several(text) })
            }
            several => Ok(BroughtPayload::Several(self.by_name(several, engine)?.into())),
        }
    }

    /// The text of the tensor for a model's only input.
    fn as_one(&self, spec: &TensorSpec, is_whole: bool) -> Vec<u8> {
        let is_input = |names: &Vec<String>| matches!(&names[..], [only] if *only == spec.name);
        if self.names.as_ref().is_some_and(is_input) {
            return self.column(0, spec, is_whole);
        }
        let mut text = b"[".to_vec();
        for (index, row) in self.rows.iter().enumerate() {
            text.extend(if index == 0 { &b"["[..] } else { &b",["[..] });
            for (index, cell) in row.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                text.extend(self.json(cell, spec).as_bytes());
            }
            text.push(b']');
        }
        text.push(b']');
        text
    }

    /// The text of the tensors by the names of the inputs.
    fn by_name(&self, specs: &[TensorSpec], engine: &Engine) -> Result<Vec<u8>, ApiError> {
        let Some(names) = &self.names else {
            let inputs: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
            return Err(unfit(format!(
                "The model {} has several inputs, so the columns need names: {}.",
                engine.name(),
                inputs.join(", ")
            )));
        };
        let mut text = b"{".to_vec();
        for spec in specs {
            let Some(place) = names.iter().position(|name| *name == spec.name) else { continue };
            if text.len() > 1 {
                text.push(b',');
            }
            text.extend(Value::from(spec.name.as_str()).to_string().as_bytes());
            text.push(b':');
            text.extend(self.column(place, spec, engine.takes_whole_tensors()));
        }
        text.push(b'}');
        Ok(text)
    }

    /// The text of one column.
    fn column(&self, place: usize, spec: &TensorSpec, is_whole: bool) -> Vec<u8> {
        let cells =
            self.rows.iter().map(|row| row.get(place).map_or(Cow::Borrowed("null"), |cell| self.json(cell, spec)));
        column_text(cells, spec, is_whole)
    }

    /// A cell as JSON.
    fn json<'c>(&self, cell: &'c str, spec: &TensorSpec) -> Cow<'c, str> {
        let datatype = spec.datatype.unwrap_or(Datatype::Fp32);
        let takes_texts =
            self.numbers == NumberCells::AsMlflow && !matches!(datatype, Datatype::Bytes | Datatype::Bool);
        match self.cells {
            CellText::Json if takes_texts => number_as_json(cell, datatype),
            CellText::Json => Cow::Borrowed(cell),
            CellText::Csv => cell_as_json(cell, datatype),
        }
    }
}

/// Whether a model has an input of this name.
pub(super) fn is_input(engine: &Engine, name: &str) -> bool {
    engine.signature().inputs.iter().any(|spec| spec.name == name)
}

/// A list of what each row has for an input. A single number stands in a list of its own where the whole tensor needs that:
/// a column is written as `[1, 2]`, and the shape of the input is often `[items, 1]`.
pub(super) fn column_text<'c>(cells: impl Iterator<Item = Cow<'c, str>>, spec: &TensorSpec, is_whole: bool) -> Vec<u8> {
    let is_column = is_whole && matches!(spec.shape.as_deref(), Some([_, Some(1) | None]));
    let mut text = b"[".to_vec();
    for cell in cells {
        if text.len() > 1 {
            text.push(b',');
        }
        let is_alone = is_column && !cell.starts_with('[');
        text.extend(if is_alone { &b"["[..] } else { &b""[..] });
        text.extend(cell.as_bytes());
        text.extend(if is_alone { &b"]"[..] } else { &b""[..] });
    }
    text.push(b']');
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(shape: &[Option<usize>], datatype: Datatype) -> TensorSpec {
        TensorSpec { name: "x".to_owned(), datatype: Some(datatype), shape: Some(shape.to_vec()) }
    }

    fn table(text: &str) -> Table<'_> {
        Table::of_objects(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn columns_are_those_of_all_objects() {
        let table = table(r#"[{"a": 1, "b": "x"}, {"b": null, "c": [2]}, {}]"#);
        assert_eq!(table.names.as_deref(), Some(&["a".to_owned(), "b".to_owned(), "c".to_owned()][..]));
        let rows = [["1", "\"x\"", "null"], ["null", "null", "[2]"], ["null", "null", "null"]];
        assert_eq!(table.rows, rows);
        let text = table.as_one(&spec(&[None, Some(3)], Datatype::Fp32), false);
        assert_eq!(text, br#"[[1,"x",null],[null,null,[2]],[null,null,null]]"#);
    }

    #[test]
    fn the_column_of_the_input_is_its_tensor() {
        let table = table(r#"[{"x": [1, 2]}, {"x": [3, 4]}]"#);
        assert_eq!(table.as_one(&spec(&[None, Some(2)], Datatype::Fp32), false), b"[[1, 2],[3, 4]]");
        let numbers = super::tests::table(r#"[{"x": 1}, {"x": 2}]"#);
        assert_eq!(numbers.as_one(&spec(&[None, Some(1)], Datatype::Fp32), true), b"[[1],[2]]");
        assert_eq!(numbers.as_one(&spec(&[None], Datatype::Fp32), true), b"[1,2]");
    }
}
