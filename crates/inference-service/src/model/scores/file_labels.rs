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

    /// The class whose name is the first element of a tensor.
    ///
    /// # Errors
    /// The element as a text, where it is no such name.
    pub(super) fn class(&self, label: &Tensor) -> Result<usize, String> {
        let (position, shown) = match (self, label.values()) {
            (Self::Numbers(names), TensorValues::Int64(values)) => {
                (values.first().and_then(|value| names.iter().position(|name| name == value)), first(values))
            }
            (Self::Numbers(names), TensorValues::Int32(values)) => {
                let is_it = |name: &i64| values.first().is_some_and(|value| i64::from(*value) == *name);
                (names.iter().position(is_it), first(values))
            }
            (Self::Texts(names), TensorValues::Bytes(values)) => {
                (values.first().and_then(|value| names.iter().position(|name| name == value)), first(values))
            }
            (_, values) => (None, format!("of type {}", values.datatype())),
        };
        position.ok_or(shown)
    }
}

/// The first of some values, as a message shows it.
fn first<V: ToString>(values: &[V]) -> String {
    values.first().map_or_else(|| "missing".to_owned(), ToString::to_string)
}

/// The label that a model gives beside the numbers of its classes.
#[derive(Clone, Debug)]
pub struct OwnLabel {
    /// The position of its output among the model's.
    pub output: usize,
    /// The names of the classes, as that output has them.
    pub names: FileLabels,
}
