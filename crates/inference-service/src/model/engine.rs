//! A model in memory, and the state with which one thread runs it.
//!
//! Rule of thumb: an [`Engine`] is loaded once and shared; a [`Session`] belongs to one thread and is kept between
//! requests. Items run one at a time, because tract's batches take longer per item than single items do, and ONNX
//! Runtime's save five per cent.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::config::ModelConfig;
use super::error::ModelError;
use super::repository::ModelSource;
use super::runtime::{LoadError, Program, Run, Runtime, RuntimeKind, Signature};
use super::scores;
use crate::input::ModelInput;

/// A loaded, optimised model. Shared by all threads; see [`Engine::session`].
#[derive(Debug)]
pub struct Engine {
    name: String,
    version: String,
    sha256: String,
    config: Arc<ModelConfig>,
    runtime: RuntimeKind,
    program: Arc<dyn Program>,
}

impl Engine {
    /// Reads the file once, optimises the model for one item, and checks that it fits its model.toml.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`]; [`ModelError::Unsupported`] for a file that the runtime cannot run, or on which it
    /// panics; [`ModelError::Mismatch`] where shapes, types or the number of classes differ from model.toml.
    pub fn load(source: &ModelSource, runtime: &Runtime) -> Result<Self, ModelError> {
        let path = &source.file;
        let bytes = fs::read(path).map_err(|error| ModelError::Unreadable { path: path.clone(), source: error })?;
        let (shape, classes) = (source.config.input.tensor_shape(), source.config.labels.len());
        let mismatch = |expected, found| ModelError::Mismatch { path: path.clone(), expected, found };
        let loaded = catch_unwind(AssertUnwindSafe(|| runtime.load(&bytes, shape)))
            .unwrap_or_else(|panic| Err(LoadError::Unsupported(panic_message(panic.as_ref()))));
        let program = loaded.map_err(|error| match error {
            LoadError::Unsupported(reason) => ModelError::Unsupported { path: path.clone(), reason },
            LoadError::Input(found) => mismatch(format!("one input of type FP32 and shape {shape:?}"), found),
        })?;
        program
            .signature()
            .check_output(classes)
            .map_err(|found| mismatch(format!("one output of type FP32 and shape [1, {classes}]"), found))?;
        Ok(Self {
            name: source.name.clone(),
            version: source.version.to_string(),
            sha256: hexadecimal(&Sha256::digest(&bytes)),
            config: Arc::new(source.config.clone()),
            runtime: runtime.kind(),
            program,
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

    /// What runs it.
    pub fn runtime(&self) -> RuntimeKind {
        self.runtime
    }

    /// What the file takes and gives.
    pub fn signature(&self) -> &Signature {
        self.program.signature()
    }

    /// Makes the state with which one thread runs this model.
    ///
    /// # Errors
    /// [`ModelError::Run`] where the runtime cannot make it.
    pub fn session(&self) -> Result<Session, ModelError> {
        let (config, program) = (Arc::clone(&self.config), Arc::clone(&self.program));
        Ok(Session { state: new_state(&*program)?, config, program })
    }
}

/// What one thread needs to run one model again and again.
#[derive(Debug)]
pub struct Session {
    config: Arc<ModelConfig>,
    program: Arc<dyn Program>,
    state: Box<dyn Run>,
}

impl Session {
    /// Runs the model on one item. The answer is one logit for each class, in the order of the labels.
    ///
    /// # Errors
    /// [`ModelError::WrongInput`] for another model's input; [`ModelError::Run`] where the runtime fails or panics, after
    /// which the session is as new; [`ModelError::BadLogits`] for an answer that is not all finite.
    pub fn run(&mut self, input: &ModelInput) -> Result<Vec<f32>, ModelError> {
        let expected = self.config.input.tensor_shape();
        if input.shape() != expected {
            return Err(ModelError::WrongInput { expected, found: input.shape() });
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.state.run(input.values())));
        let logits = match outcome {
            Ok(Ok(logits)) => logits,
            Ok(Err(reason)) => return Err(self.renew_after(ModelError::Run { reason })),
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
        match new_state(&*self.program) {
            Ok(state) => {
                self.state = state;
                error
            }
            Err(problem) => problem,
        }
    }
}

fn new_state(program: &dyn Program) -> Result<Box<dyn Run>, ModelError> {
    program.run().map_err(|reason| ModelError::Run { reason })
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
