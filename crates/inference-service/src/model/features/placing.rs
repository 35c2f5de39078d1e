//! Which columns of which inputs the features of a model are.
//!
//! Rule of thumb: an author who says nothing means the columns in their order. Every column is filled by exactly one
//! feature, or the model does not load.

use std::collections::HashMap;
use std::path::Path;

use prediction_record::{FeatureKind, FeatureValue, OutsidePolicy};

use super::column::{ColumnForm, FeatureColumn, RowElements};
use super::refusal::FeatureRefusal;
use super::served::{CategoryEncoding, MissingFill, ServedFeature};
use crate::input::MissingValues;
use crate::model::error::ModelError;
use crate::model::runtime::{Signature, TensorSpec};
use crate::model::{Datatype, Tensor, TensorValues};

/// The features of a loaded model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFeatures {
    columns: Vec<FeatureColumn>,
    places: HashMap<String, usize>,
    inputs: Vec<TableInput>,
}

/// An input whose rows are rows of a table.
#[derive(Clone, Debug, PartialEq)]
struct TableInput {
    datatype: Datatype,
    /// The shape of one row's tensor.
    shape: Vec<usize>,
    width: usize,
}

/// Features that the model's file does not have.
#[derive(Clone, Debug, PartialEq)]
struct FeatureMismatch {
    /// What does not fit, as a sentence without its end.
    problem: String,
    /// What to do.
    remedy: String,
}

impl ModelFeatures {
    /// The places of the features in a model's file, if any are declared.
    ///
    /// # Errors
    /// [`ModelError::Features`] where the file has no such place, or a column that no feature fills.
    pub(in crate::model) fn of_file(
        served: &[ServedFeature],
        signature: &Signature,
        missing: MissingValues,
        file: &Path,
    ) -> Result<Option<Self>, ModelError> {
        if served.is_empty() {
            return Ok(None);
        }
        let placed = Self::place(served, signature, missing);
        placed.map(Some).map_err(|FeatureMismatch { problem, remedy }| ModelError::Features {
            path: file.to_owned(),
            problem,
            remedy,
        })
    }

    /// Finds the place of each feature.
    ///
    /// # Errors
    /// [`FeatureMismatch`] where the file has no such place, or a column that no feature fills.
    fn place(served: &[ServedFeature], signature: &Signature, missing: MissingValues) -> Result<Self, FeatureMismatch> {
        let mut columns = Vec::with_capacity(served.len());
        // The column behind the last that was given away, of each input.
        let mut next = vec![0; signature.inputs.len()];
        for feature in served {
            let input = input_of(feature, signature)?;
            let form = form_of(feature, &signature.inputs[input], missing)?;
            let first = feature.column.unwrap_or(next[input]);
            let column = FeatureColumn { declaration: feature.declaration.clone(), form, input, first };
            next[input] = first.saturating_add(column.width());
            columns.push(column);
        }
        let inputs = signature.inputs.iter().enumerate().map(|(place, spec)| {
            let own: Vec<&FeatureColumn> = columns.iter().filter(|column| column.input == place).collect();
            table_input(spec, &own)
        });
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let places = columns.iter().enumerate().map(|(place, column)| (column.declaration.name.clone(), place));
        Ok(Self { places: places.collect(), columns, inputs })
    }

    /// The features, in the order of model.toml.
    pub(crate) fn columns(&self) -> &[FeatureColumn] {
        &self.columns
    }

    /// The place of a feature among them.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The tensors of one row of checked values, one for each input.
    pub(crate) fn tensors(&self, row: &[FeatureValue]) -> Vec<Tensor> {
        let mut elements: Vec<RowElements> = self.inputs.iter().map(TableInput::blank).collect();
        for (column, value) in self.columns.iter().zip(row) {
            column.write(value, &mut elements[column.input]);
        }
        let tensor = |(input, elements): (&TableInput, RowElements)| {
            let values = match elements {
                RowElements::Texts(texts) => TensorValues::Bytes(texts),
                RowElements::Numbers(numbers) => TensorValues::of_numbers(input.datatype, &numbers)?,
            };
            Tensor::new(input.shape.clone(), values)
        };
        self.inputs.iter().zip(elements).filter_map(tensor).collect()
    }

    /// How many rows the longest of the tensors has.
    ///
    /// # Errors
    /// A text that goes behind "it" for a tensor whose rows have another size than the features of its input.
    pub(crate) fn rows_in(&self, tensors: &[Tensor]) -> Result<usize, String> {
        let mut most = 0;
        for (input, tensor) in self.inputs.iter().zip(tensors) {
            let size: usize = tensor.shape().iter().skip(1).product();
            if size != input.width {
                return Err(format!("has {size} columns, and the features fill {}", input.width));
            }
            most = most.max(input.rows_of(tensor));
        }
        Ok(most)
    }

    /// What each feature is in this row of the tensors, checked; what is accepted and has no name is left out.
    pub(crate) fn held_in<'a>(
        &'a self,
        tensors: &'a [Tensor],
        row: usize,
    ) -> impl Iterator<Item = (&'a FeatureColumn, Result<FeatureValue, FeatureRefusal>)> {
        self.columns.iter().filter_map(move |column| {
            let (input, tensor) = (self.inputs.get(column.input)?, tensors.get(column.input)?);
            if row >= input.rows_of(tensor) {
                return None;
            }
            let held = column.held(tensor.values(), row * input.width);
            held.transpose().map(|held| (column, held))
        })
    }
}

impl TableInput {
    fn rows_of(&self, tensor: &Tensor) -> usize {
        tensor.values().len().checked_div(self.width).unwrap_or(0)
    }

    fn blank(&self) -> RowElements {
        match self.datatype {
            Datatype::Bytes => RowElements::Texts(vec![String::new(); self.width]),
            _ => RowElements::Numbers(vec![0.0; self.width]),
        }
    }
}

/// The place of the input that a feature belongs to.
fn input_of(feature: &ServedFeature, signature: &Signature) -> Result<usize, FeatureMismatch> {
    let name = &feature.declaration.name;
    let inputs = &signature.inputs;
    let there_is = || inputs.iter().map(|spec| format!("\"{}\"", spec.name)).collect::<Vec<_>>().join(", ");
    let find = |input: &str| inputs.iter().position(|spec| spec.name == input);
    match &feature.input {
        Some(input) => find(input).ok_or_else(|| {
            mismatch(
                format!(
                    "the feature \"{name}\" is of the input \"{input}\", and the inputs that a run needs are {}",
                    there_is()
                ),
                "correct its `input`",
            )
        }),
        None if inputs.len() == 1 => Ok(0),
        None => find(name).ok_or_else(|| {
            let problem = format!("the model has no input \"{name}\", and several others: {}", there_is());
            mismatch(problem, "say with `input` which of them has the feature, or correct its name")
        }),
    }
}

/// How the values of a feature are written into this input.
fn form_of(feature: &ServedFeature, spec: &TensorSpec, missing: MissingValues) -> Result<ColumnForm, FeatureMismatch> {
    let ServedFeature { declaration, encoding, .. } = feature;
    let name = &declaration.name;
    let datatype = spec.datatype.unwrap_or(Datatype::Fp32);
    let is_text = datatype == Datatype::Bytes;
    match (declaration.kind, encoding) {
        (FeatureKind::Number, Some(_)) => Err(mismatch(
            format!("the feature \"{name}\" is a number"),
            "remove its `encoding`, or give kind = \"category\"",
        )),
        (FeatureKind::Number, None) if is_text => Err(mismatch(
            format!("the feature \"{name}\" is a number, and its input \"{}\" takes texts", spec.name),
            "give kind = \"category\"",
        )),
        (FeatureKind::Number, None) => {
            Ok(ColumnForm::Number { datatype, missing: number_fill(feature, datatype, missing)? })
        }
        (FeatureKind::Category, None | Some(CategoryEncoding::Text)) if is_text => {
            let fill = match &feature.missing_value {
                None => String::new(),
                Some(MissingFill::Text(text)) => text.clone(),
                Some(MissingFill::Number(number)) => {
                    let problem = format!(
                        "the missing_value of the feature \"{name}\" is the number {number}, and its input takes texts"
                    );
                    return Err(mismatch(problem, "write it in quotes"));
                }
            };
            Ok(ColumnForm::Text { missing: fill })
        }
        (FeatureKind::Category, None | Some(CategoryEncoding::Text)) => Err(mismatch(
            format!("the feature \"{name}\" is a category, and its input \"{}\" takes {datatype}", spec.name),
            "give `categories` and encoding = \"index\" or \"one_hot\"",
        )),
        (FeatureKind::Category, Some(_)) if is_text => Err(mismatch(
            format!("the feature \"{name}\" is encoded as numbers, and its input \"{}\" takes texts", spec.name),
            "remove its `encoding`",
        )),
        (FeatureKind::Category, Some(_)) if declaration.categories.is_empty() => Err(mismatch(
            format!("the feature \"{name}\" has an encoding, and no categories"),
            "give `categories`, in the order in which the model was trained with them",
        )),
        (FeatureKind::Category, Some(CategoryEncoding::OneHot)) => {
            let fill = if feature.missing_value.is_some() { number_fill(feature, datatype, missing)? } else { 0.0 };
            Ok(ColumnForm::OneHot { missing: fill })
        }
        (FeatureKind::Category, Some(_)) => Ok(ColumnForm::Index { missing: number_fill(feature, datatype, missing)? }),
    }
}

/// What an input of numbers is given where a feature has no value.
fn number_fill(feature: &ServedFeature, datatype: Datatype, missing: MissingValues) -> Result<f64, FeatureMismatch> {
    let name = &feature.declaration.name;
    // An index has no number for a category that is not declared.
    let is_index = feature.encoding == Some(CategoryEncoding::Index);
    let is_needed = feature.declaration.optional || is_index && feature.declaration.outside == OutsidePolicy::Accept;
    match &feature.missing_value {
        Some(MissingFill::Number(number)) if datatype.holds(*number) => Ok(*number),
        Some(fill) => {
            let shown = match fill {
                MissingFill::Number(number) => number.to_string(),
                MissingFill::Text(text) => format!("{text:?}"),
            };
            let problem =
                format!("the missing_value of the feature \"{name}\" is {shown}, and its input takes {datatype}");
            Err(mismatch(problem, "give a number of that type"))
        }
        None if !is_needed => Ok(0.0),
        None if !datatype.holds(f64::NAN) => Err(mismatch(
            format!("the feature \"{name}\" may be missing, and its input takes {datatype}, which has no NaN"),
            "give `missing_value`",
        )),
        None if missing == MissingValues::Refuse => Err(mismatch(
            format!("the feature \"{name}\" may be missing, and nothing in the model looks at missing values"),
            "give `missing_value`, or write missing = \"nan\" at the top if the model takes NaN",
        )),
        None => Ok(f64::NAN),
    }
}

/// The table that an input is, every column of which has its feature.
fn table_input(spec: &TensorSpec, own: &[&FeatureColumn]) -> Result<TableInput, FeatureMismatch> {
    let name = &spec.name;
    let no_table = || {
        let problem = format!("the input \"{name}\" has {spec}, and no rows of columns");
        mismatch(problem, "features belong to inputs of shape [N] or [N, columns]; remove [[features]]")
    };
    let declared = own.iter().map(|column| column.width()).sum();
    let item: Vec<usize> = match spec.shape.as_deref() {
        None | Some([_, None]) => vec![declared],
        Some([]) => return Err(no_table()),
        Some([_]) => Vec::new(),
        Some([_, rest @ ..]) => rest.iter().copied().collect::<Option<_>>().ok_or_else(no_table)?,
    };
    let width = item.iter().try_fold(1_usize, |width, size| width.checked_mul(*size)).ok_or_else(no_table)?;
    let mut filled = HashMap::<usize, &str>::new();
    for column in own {
        let feature = column.declaration.name.as_str();
        for place in column.first..column.first.saturating_add(column.width()) {
            if place >= width {
                let problem =
                    format!("the feature \"{feature}\" is column {place} of the input \"{name}\", which has {width}");
                return Err(mismatch(problem, "columns count from 0: correct `column`, or remove a feature"));
            }
            if let Some(other) = filled.insert(place, feature) {
                let problem = format!(
                    "the features \"{other}\" and \"{feature}\" are both column {place} of the input \"{name}\""
                );
                return Err(mismatch(problem, "correct `column` of one of them"));
            }
        }
    }
    if let Some(column) = (0..width).find(|column| !filled.contains_key(column)) {
        let problem = format!("no feature is column {column} of the input \"{name}\", which has {width}");
        return Err(mismatch(problem, "declare the missing one; features without `column` follow each other"));
    }
    let shape = std::iter::once(1).chain(item).collect();
    Ok(TableInput { datatype: spec.datatype.unwrap_or(Datatype::Fp32), shape, width })
}

fn mismatch(problem: String, remedy: &str) -> FeatureMismatch {
    FeatureMismatch { problem, remedy: remedy.to_owned() }
}

#[cfg(test)]
#[path = "placing_tests.rs"]
mod tests;
