//! What a model does, which decides what it may declare and what its answers say.
//!
//! Rule of thumb: the words are those of model.toml, of answers and of the prediction log alike.

use serde::Deserialize;

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A class for each item; an output of the model has a number for each class.
    Classification,
    /// One number for each item.
    Regression,
    /// Any tensors, for the tensors of a request.
    Raw,
}

impl From<Task> for prediction_record::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::Classification => Self::Classification,
            Task::Regression => Self::Regression,
            Task::Raw => Self::Raw,
        }
    }
}

impl Task {
    /// Its name in model.toml and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Raw => "raw",
        }
    }
}
