//! The names of classes that an ONNX file brings, and the label that a model gives by itself.

use crate::model::tensor::{Tensor, TensorValues};

/// The names of classes, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileLabels {
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
}

impl FileLabels {
    /// The names as texts.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
            Self::Texts(texts) => texts.clone(),
        }
    }

    /// The classes whose name is the first element of a tensor, a number or a text; several, where names stand there twice.
    ///
    /// # Errors
    /// The element as a text, where it is no such name.
    pub(super) fn classes(&self, label: &Tensor) -> Result<Vec<usize>, String> {
        let label = match label.values() {
            TensorValues::Int64(values) => first(values),
            TensorValues::Int32(values) => first(values),
            TensorValues::Bytes(values) => first(values),
            values => return Err(format!("of type {}", values.datatype())),
        };
        let label = label.ok_or_else(|| "missing".to_owned())?;
        let names = self.texts();
        let classes: Vec<usize> = (0..names.len()).filter(|class| names[*class] == label).collect();
        if classes.is_empty() { Err(label) } else { Ok(classes) }
    }
}

/// The first of some values as a text.
fn first<V: ToString>(values: &[V]) -> Option<String> {
    values.first().map(ToString::to_string)
}

/// The label that a model gives beside the numbers of its classes.
#[derive(Clone, Debug)]
pub struct OwnLabel {
    /// The position of its output among the model's.
    pub output: usize,
    /// The names of the classes, as that output has them.
    pub names: FileLabels,
}
