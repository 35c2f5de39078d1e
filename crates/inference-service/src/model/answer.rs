//! How the outputs of a model become its answer, as its task says.

use std::num::NonZeroUsize;

use super::class_output;
use super::config::ModelConfig;
use super::defect::DefectRule;
use super::error::ModelError;
use super::onnx::OutputFacts;
use super::output_choice::{self, OutputMismatch};
use super::runtime::{Signature, TensorSpec};
use super::scores::{ClassReader, PredictionMeaning};
use super::task::Task;
use super::tensor::Tensor;

/// What the outputs of a model mean.
#[derive(Debug)]
pub(super) enum AnswerReader {
    /// One output has numbers for the classes.
    Classes(ClassReader),
    /// The output at this position is a number.
    Number(usize),
    /// They are the answer.
    Tensors,
}

impl AnswerReader {
    /// What the outputs mean, if they are such as the task needs.
    ///
    /// # Errors
    /// How they differ.
    pub(super) fn of(
        config: &ModelConfig,
        signature: &Signature,
        facts: &[OutputFacts],
    ) -> Result<Self, OutputMismatch> {
        match config.task {
            Task::Classification => class_output::reader(config, signature, facts).map(Self::Classes),
            Task::Regression => {
                let chosen = output_choice::only(&signature.outputs, config.output_name.as_deref())?;
                let found = signature.outputs[chosen].check_number();
                found.map(|()| Self::Number(chosen)).map_err(|found| OutputMismatch::Other {
                    expected: "one output of a floating-point type and shape [1] or [1, 1]".to_owned(),
                    found,
                    remedy: "correct `output_name` in model.toml, or export the model again".to_owned(),
                })
            }
            Task::Raw => {
                let unknown = |spec: &&TensorSpec| spec.datatype.is_none();
                match signature.inputs.iter().chain(&signature.outputs).find(unknown) {
                    Some(spec) => Err(OutputMismatch::Other {
                        expected: "tensors of types that the protocol has".to_owned(),
                        found: format!("{:?} of another, {spec}", spec.name),
                        remedy: "export the model again, one of scikit-learn, LightGBM or XGBoost with options={'zipmap': False}"
                            .to_owned(),
                    }),
                    None => Ok(Self::Tensors),
                }
            }
        }
    }

    /// How classes are read, of a model that classifies.
    pub(super) fn classes(&self) -> Option<&ClassReader> {
        if let Self::Classes(classes) = self { Some(classes) } else { None }
    }

    /// Checks the outputs for one item.
    ///
    /// # Errors
    /// [`ModelError::BadScores`], [`ModelError::WrongScale`] or [`ModelError::BadNumber`] for what is no answer.
    pub(super) fn check(&self, outputs: &[Tensor]) -> Result<(), ModelError> {
        match self {
            Self::Classes(classes) => classes.check(outputs),
            Self::Number(output) => number(outputs, *output).map(drop),
            Self::Tensors => Ok(()),
        }
    }

    /// What the outputs for one item mean.
    ///
    /// # Errors
    /// As [`AnswerReader::check`].
    pub(super) fn meaning(
        &self,
        outputs: &[Tensor],
        defect: &DefectRule,
        top_k: NonZeroUsize,
    ) -> Result<PredictionMeaning, ModelError> {
        match self {
            Self::Classes(classes) => classes.prediction(outputs, defect, top_k).map(PredictionMeaning::Class),
            Self::Number(output) => Ok(PredictionMeaning::Number { value: number(outputs, *output)? }),
            Self::Tensors => Ok(PredictionMeaning::Tensors {}),
        }
    }
}

fn number(outputs: &[Tensor], output: usize) -> Result<f64, ModelError> {
    let value = outputs.get(output).and_then(|output| output.values().float(0));
    value.filter(|value| value.is_finite()).ok_or(ModelError::BadNumber { found: value })
}
