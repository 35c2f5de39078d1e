//! A model in memory, and the state with which one thread runs it.
//!
//! Rule of thumb: an [`Engine`] is loaded once and shared; a [`Session`] belongs to one thread and is kept between
//! requests. Items run one at a time, because the engine's batches take longer per item than single items do.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tract_onnx::prelude::{
    Datum, Framework, InferenceFact, InferenceModelExt, IntoRunnable, TValue, Tensor, TractResult, TypedSimplePlan,
    TypedSimpleState, tvec,
};

use super::config::ModelConfig;
use super::error::ModelError;
use super::repository::ModelSource;
use super::scores;
use super::shapes;
use crate::input::ModelInput;

/// A loaded, optimised model. Shared by all threads; see [`Engine::session`].
#[derive(Debug)]
pub struct Engine {
    name: String,
    version: String,
    sha256: String,
    config: Arc<ModelConfig>,
    plan: Arc<TypedSimplePlan>,
}

impl Engine {
    /// Reads the file once, optimises the model for one item, and checks that it fits its model.toml.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`]; [`ModelError::Unsupported`] for a file that the engine cannot run, or on which it
    /// panics; [`ModelError::Mismatch`] where shapes, types or the number of classes differ from model.toml.
    pub fn load(source: &ModelSource) -> Result<Self, ModelError> {
        let path = &source.file;
        let bytes = fs::read(path).map_err(|error| ModelError::Unreadable { path: path.clone(), source: error })?;
        let plan = catch_unwind(AssertUnwindSafe(|| optimised_plan(&bytes, &source.config, path))).unwrap_or_else(
            |panic| Err(ModelError::Unsupported { path: path.clone(), reason: panic_message(panic.as_ref()) }),
        )?;
        Ok(Self {
            name: source.name.clone(),
            version: source.version.to_string(),
            sha256: hexadecimal(&Sha256::digest(&bytes)),
            config: Arc::new(source.config.clone()),
            plan,
        })
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that serves, a positive integer.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of the model file: 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What model.toml says.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The names of the classes, in the order of the logits.
    pub fn labels(&self) -> &[String] {
        &self.config.labels
    }

    /// Makes the state with which one thread runs this model.
    ///
    /// # Errors
    /// [`ModelError::Run`] where the engine cannot make it.
    pub fn session(&self) -> Result<Session, ModelError> {
        let state = self.plan.spawn().map_err(|error| run_error(&error))?;
        Ok(Session { config: Arc::clone(&self.config), plan: Arc::clone(&self.plan), state })
    }
}

/// What one thread needs to run one model again and again.
#[derive(Debug)]
pub struct Session {
    config: Arc<ModelConfig>,
    plan: Arc<TypedSimplePlan>,
    state: TypedSimpleState,
}

impl Session {
    /// Runs the model on one item. The answer is one logit for each class, in the order of the labels.
    ///
    /// # Errors
    /// [`ModelError::WrongInput`] for another model's input; [`ModelError::Run`] where the engine fails or panics, after
    /// which the session is as new; [`ModelError::BadLogits`] for an answer that is not all finite.
    pub fn run(&mut self, input: &ModelInput) -> Result<Vec<f32>, ModelError> {
        let expected = self.config.input.tensor_shape();
        if input.shape() != expected {
            return Err(ModelError::WrongInput { expected, found: input.shape() });
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| logits(&mut self.state, input)));
        let logits = match outcome {
            Ok(Ok(logits)) => logits,
            Ok(Err(error)) => return Err(self.renew_after(run_error(&error))),
            Err(panic) => return Err(self.renew_after(ModelError::Run { reason: panic_message(panic.as_ref()) })),
        };
        scores::check_logits(&logits, self.config.labels.len())?;
        Ok(logits)
    }

    /// Runs the model once on zeros, so that the first request finds memory and caches ready.
    ///
    /// # Errors
    /// As [`Session::run`]; a model that answers zeros with NaN is found here.
    pub fn warm_up(&mut self) -> Result<(), ModelError> {
        let zeros = ModelInput::zeros(&self.config.input);
        self.run(&zeros).map(drop)
    }

    /// A run that stopped halfway leaves its values behind; the next one starts from a new state.
    fn renew_after(&mut self, error: ModelError) -> ModelError {
        match self.plan.spawn() {
            Ok(state) => {
                self.state = state;
                error
            }
            Err(spawn_error) => run_error(&spawn_error),
        }
    }
}

fn optimised_plan(bytes: &[u8], config: &ModelConfig, path: &Path) -> Result<Arc<TypedSimplePlan>, ModelError> {
    let unsupported = |error: tract_onnx::prelude::TractError| ModelError::Unsupported {
        path: path.to_owned(),
        reason: format!("{error:#}"),
    };
    let mismatch = |expected, found| ModelError::Mismatch { path: path.to_owned(), expected, found };
    let shape = config.input.tensor_shape();
    // Declared shapes between input and output often still speak of a symbolic batch; they are inferred instead.
    let onnx = tract_onnx::onnx().with_ignore_value_info(true);
    let model = onnx.model_for_read(&mut &*bytes).map_err(unsupported)?;
    shapes::check_input(&model, &shape)
        .map_err(|found| mismatch(format!("one input of type F32 and shape {shape:?}"), found))?;
    let model = model
        .with_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), shape))
        .and_then(|model| model.with_output_fact(0, InferenceFact::default()))
        .and_then(InferenceModelExt::into_optimized)
        .map_err(unsupported)?;
    let classes = config.labels.len();
    shapes::check_output(&model, classes)
        .map_err(|found| mismatch(format!("one output of type F32 and shape [1, {classes}]"), found))?;
    model.into_runnable().map_err(unsupported)
}

fn logits(state: &mut TypedSimpleState, input: &ModelInput) -> TractResult<Vec<f32>> {
    let tensor = Tensor::from_shape(&input.shape(), input.values())?;
    let outputs = state.run(tvec!(TValue::from(tensor)))?;
    let logits = outputs.first().map(|output| output.try_as_plain_ram()?.as_slice::<f32>().map(<[f32]>::to_vec));
    logits.unwrap_or_else(|| Ok(Vec::new()))
}

fn run_error(error: &tract_onnx::prelude::TractError) -> ModelError {
    ModelError::Run { reason: format!("{error:#}") }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", message.unwrap_or("without a message"))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests;
