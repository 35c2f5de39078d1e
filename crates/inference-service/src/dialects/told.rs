//! What a model answered, in the forms of the dialects.

use monitoring::ApiError;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::nested::NestedPart;
use super::refusal::unfit;
use crate::model::{Engine, Prediction, Tensor};
use crate::predict::whole_output;

/// The outputs of a model.
#[derive(Debug)]
pub(super) struct ToldOutputs {
    outputs: Vec<ToldOutput>,
    form: ToldForm,
}

/// How they are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ToldForm {
    /// Each output by its name.
    Named,
    /// A record for each row, as of a data frame whose columns are the outputs.
    Records,
    /// An element for each item: the output, or an object of all outputs where there are several.
    Items,
    /// The output, or an object of all outputs where there are several.
    Columns,
}

#[derive(Debug)]
struct ToldOutput {
    name: String,
    tensor: Tensor,
    /// The names of its numbers, where the file makes maps of them.
    names: Option<Vec<String>>,
}

impl ToldOutputs {
    /// The outputs of these predictions.
    ///
    /// # Errors
    /// `invalid_input` where an element for each item is to be told, and the outputs have another number of rows.
    pub(super) fn new(engine: &Engine, predictions: &[Prediction], form: ToldForm) -> Result<Self, ApiError> {
        let specs = engine.signature().outputs.iter().enumerate();
        let told = specs.filter_map(|(index, spec)| {
            let tensor = whole_output(engine, predictions, index)?;
            let names = engine.map_keys(&spec.name).map(<[String]>::to_vec);
            Some(ToldOutput { name: spec.name.clone(), tensor, names })
        });
        let told = Self { outputs: told.collect(), form };
        if form == ToldForm::Items && told.rows().is_none() {
            let sentence =
                "The outputs of the model have no row for each instance; ask with inputs instead of instances.";
            return Err(unfit(sentence));
        }
        Ok(told)
    }

    /// How many rows all outputs have.
    fn rows(&self) -> Option<usize> {
        let mut rows = self.outputs.iter().map(|output| output.tensor.shape().first().copied());
        let first = rows.next()??;
        rows.all(|rows| rows == Some(first)).then_some(first)
    }

    fn named<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(self.outputs.len()))?;
        for output in &self.outputs {
            members.serialize_entry(&output.name, &output.whole())?;
        }
        members.end()
    }

    /// MLflow makes a frame of the outputs, each as one flat column. Where these differ in length, which it refuses, a row
    /// has what belongs to it.
    fn records<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lengths = self.outputs.iter().map(ToldOutput::flat_length);
        let first = lengths.next();
        let is_flat = lengths.all(|length| Some(length) == first);
        let Some(rows) = (if is_flat { first } else { self.rows() }) else { return self.named(serializer) };
        let mut list = serializer.serialize_seq(Some(rows))?;
        for row in 0..rows {
            list.serialize_element(&ToldRow { outputs: &self.outputs, row, rows, is_frame: true })?;
        }
        list.end()
    }

    fn items<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.rows().unwrap_or_default();
        let mut list = serializer.serialize_seq(Some(rows))?;
        for row in 0..rows {
            match &self.outputs[..] {
                [only] => list.serialize_element(&only.part(row, rows))?,
                outputs => list.serialize_element(&ToldRow { outputs, row, rows, is_frame: false })?,
            }
        }
        list.end()
    }
}

impl Serialize for ToldOutputs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.form, &self.outputs[..]) {
            (ToldForm::Columns, [only]) => only.whole().serialize(serializer),
            (ToldForm::Columns | ToldForm::Named, _) => self.named(serializer),
            (ToldForm::Records, _) => self.records(serializer),
            (ToldForm::Items, _) => self.items(serializer),
        }
    }
}

impl ToldOutput {
    fn whole(&self) -> NestedPart<'_> {
        NestedPart::whole(&self.tensor, self.names.as_deref())
    }

    /// How many cells it has as one flat column: numbers with names are one cell together.
    fn flat_length(&self) -> usize {
        let named = self.whole().names.map_or(1, <[String]>::len).max(1);
        self.tensor.values().len() / named
    }

    /// What one of so many rows has of it.
    fn part(&self, row: usize, rows: usize) -> NestedPart<'_> {
        let whole = self.whole();
        let size = whole.values.len().checked_div(rows).unwrap_or_default();
        NestedPart { shape: whole.shape.get(1..).unwrap_or_default(), start: row * size, ..whole }
    }

    /// The same in a frame, where a list of one number is that number.
    fn cell(&self, row: usize, rows: usize) -> NestedPart<'_> {
        let part = self.part(row, rows);
        let is_single = self.tensor.values().len() == rows && part.names.is_none();
        if is_single { NestedPart { shape: &[], ..part } } else { part }
    }
}

/// What one of so many rows has of each output, by the output's name.
struct ToldRow<'a> {
    outputs: &'a [ToldOutput],
    row: usize,
    rows: usize,
    is_frame: bool,
}

impl Serialize for ToldRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { outputs, row, rows, is_frame } = *self;
        let mut members = serializer.serialize_map(Some(outputs.len()))?;
        for output in outputs {
            let part = if is_frame { output.cell(row, rows) } else { output.part(row, rows) };
            members.serialize_entry(&output.name, &part)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::TensorValues;

    fn output(name: &str, shape: &[usize], names: &[&str]) -> ToldOutput {
        let count = shape.iter().product::<usize>();
        let values = TensorValues::Int64((0..count as i64).collect());
        let names = (!names.is_empty()).then(|| names.iter().map(|name| (*name).to_owned()).collect());
        ToldOutput { name: name.to_owned(), tensor: Tensor::new(shape.to_vec(), values).unwrap(), names }
    }

    fn text(form: ToldForm, outputs: Vec<ToldOutput>) -> String {
        serde_json::to_string(&ToldOutputs { outputs, form }).unwrap()
    }

    #[test]
    fn one_output_has_no_name_in_tensorflows_forms() {
        let one = || vec![output("y", &[2, 2], &[])];
        assert_eq!(text(ToldForm::Items, one()), "[[0,1],[2,3]]");
        assert_eq!(text(ToldForm::Columns, one()), "[[0,1],[2,3]]");
        assert_eq!(text(ToldForm::Named, one()), r#"{"y":[[0,1],[2,3]]}"#);
        let two = || vec![output("y", &[2], &[]), output("p", &[2, 2], &[])];
        assert_eq!(text(ToldForm::Items, two()), r#"[{"y":0,"p":[0,1]},{"y":1,"p":[2,3]}]"#);
        assert_eq!(text(ToldForm::Columns, two()), r#"{"y":[0,1],"p":[[0,1],[2,3]]}"#);
    }

    #[test]
    fn records_are_those_of_a_frame() {
        assert_eq!(text(ToldForm::Records, vec![output("y", &[2, 1], &[])]), r#"[{"y":0},{"y":1}]"#);
        // MLflow flattens a wide output that is the only one.
        assert_eq!(text(ToldForm::Records, vec![output("y", &[1, 2], &[])]), r#"[{"y":0},{"y":1}]"#);
        let maps = vec![output("y", &[2], &[]), output("p", &[2, 2], &["a", "b"])];
        assert_eq!(text(ToldForm::Records, maps), r#"[{"y":0,"p":{"a":0,"b":1}},{"y":1,"p":{"a":2,"b":3}}]"#);
        // It has no frame for outputs that differ in length.
        let wide = vec![output("y", &[2], &[]), output("p", &[2, 2], &[])];
        assert_eq!(text(ToldForm::Records, wide), r#"[{"y":0,"p":[0,1]},{"y":1,"p":[2,3]}]"#);
        let apart = vec![output("y", &[1], &[]), output("p", &[2, 2], &[])];
        assert_eq!(text(ToldForm::Records, apart), r#"{"y":[0],"p":[[0,1],[2,3]]}"#);
    }
}
