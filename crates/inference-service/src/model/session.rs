//! The state with which one thread runs a model.
//!
//! Rule of thumb: whatever a runtime does with an input, even a panic, harms that input alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use monitoring::{MemoryLimit, memory_limit};
use tracing::warn;

use super::engine::Engine;
use super::error::ModelError;
use super::providers::ModelProviders;
use super::repository::ModelSource;
use super::runtime::{NoAnswer, Program, RunProgram, Runtime, TensorSpec, panic_message};
use super::tensor::{OptionalTensor, Tensor};
use crate::input::ModelInput;

/// Bytes of memory where the system does not say how many there are.
const UNKNOWN_MEMORY: u64 = 1 << 30;

/// What one thread needs to run one model again and again.
#[derive(Debug)]
pub struct Session {
    engine: Arc<Engine>,
    state: Box<dyn RunProgram>,
}

impl Session {
    /// Makes the state with which one thread runs a model.
    ///
    /// # Errors
    /// [`ModelError::Start`] where the runtime cannot make it.
    pub fn new(engine: &Arc<Engine>) -> Result<Self, ModelError> {
        Ok(Self { state: new_state(engine.program())?, engine: Arc::clone(engine) })
    }

    /// The model that it runs.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A session that was warmed up.
    ///
    /// # Errors
    /// As [`Session::new`] and [`Session::warm_up`].
    pub fn warm(engine: &Arc<Engine>) -> Result<Self, ModelError> {
        let mut session = Self::new(engine)?;
        session.warm_up()?;
        Ok(session)
    }

    /// Loads a model, and warms up a session of it. An accelerator on which either fails is given up: that its model.toml
    /// asks for more than there is keeps no model from serving.
    ///
    /// # Errors
    /// As [`Engine::load`] and [`Session::warm`].
    pub fn first(source: &ModelSource, runtime: &Runtime) -> Result<Self, ModelError> {
        ModelProviders::offered(&source.config.accelerators, runtime)
            .settle(|providers| Self::warm(&Engine::load_on(providers, source, runtime)?))
    }

    /// Runs the model on one item, or on the whole tensors of a request. The answer is its outputs.
    ///
    /// # Errors
    /// [`ModelError::WrongInput`] for another model's input; [`ModelError::NoAnswer`] for one that it has no answer to;
    /// [`ModelError::Run`] and [`ModelError::Panicked`] where the runtime fails, after which the session is as new; [`ModelError::BadScores`], [`ModelError::WrongScale`] or [`ModelError::BadNumber`] for an
    /// answer that is not as it must be.
    pub fn run(&mut self, input: &ModelInput) -> Result<Vec<Tensor>, ModelError> {
        self.check_input(input)?;
        let outputs = self.run_tensors(input.tensors(), input.optional())?;
        self.check_answer(&outputs)?;
        self.engine.note_answer();
        Ok(outputs)
    }

    /// Runs the model on several items, together if it can. An item that fails, or whose answer is not as it must be, does
    /// not harm the others.
    pub fn run_each(&mut self, inputs: &[&ModelInput]) -> Vec<Result<Vec<Tensor>, ModelError>> {
        // A value of an optional input is for its own item alone.
        let may_join = inputs.len() > 1 && inputs.iter().all(|input| input.optional().is_empty());
        let together = if may_join { self.run_together(inputs).ok() } else { None };
        match together {
            Some(answers) => answers.into_iter().map(Ok).collect(),
            None => inputs.iter().map(|input| self.run(input)).collect(),
        }
    }

    /// Runs the model once on several items; [`Engine::takes_batches`] says whether that can be.
    ///
    /// # Errors
    /// As [`Session::run`], for any of them; [`ModelError::Run`] where their shapes differ, or the model does not give an
    /// answer for each.
    pub fn run_together(&mut self, inputs: &[&ModelInput]) -> Result<Vec<Vec<Tensor>>, ModelError> {
        inputs.iter().try_for_each(|input| self.check_input(input))?;
        let failed = |reason: &str| ModelError::Run { reason: reason.to_owned() };
        if inputs.iter().any(|input| !input.optional().is_empty()) {
            return Err(failed("an item brings optional inputs"));
        }
        let stacked = |position| Tensor::stacked(inputs.iter().filter_map(|input| input.tensors().get(position)));
        let stacked: Option<Vec<Tensor>> = (0..self.engine.signature().inputs.len()).map(stacked).collect();
        let outputs = self.run_tensors(&stacked.ok_or_else(|| failed("the items have different shapes"))?, &[])?;
        let mut answers = vec![Vec::with_capacity(outputs.len()); inputs.len()];
        for output in &outputs {
            let rows = output.rows();
            if rows.len() != inputs.len() {
                return Err(failed("an output has not one row for each item"));
            }
            answers.iter_mut().zip(rows).for_each(|(answer, row)| answer.push(row));
        }
        answers.iter().try_for_each(|answer| self.check_answer(answer))?;
        self.engine.note_answer();
        Ok(answers)
    }

    fn check_input(&self, input: &ModelInput) -> Result<(), ModelError> {
        let inputs = &self.engine.signature().inputs;
        let fits = inputs.len() == input.tensors().len()
            && inputs.iter().zip(input.tensors()).all(|(spec, tensor)| self.engine.takes(spec, tensor))
            && input.optional().iter().all(|optional| self.engine.takes_optional(optional));
        if fits {
            return Ok(());
        }
        let shapes = input.tensors().iter().map(|tensor| tensor.shape().to_vec());
        let expected = inputs.iter().map(TensorSpec::to_string).collect::<Vec<_>>().join("; ");
        Err(ModelError::WrongInput { expected, found: shapes.collect() })
    }

    fn run_tensors(&mut self, inputs: &[Tensor], optional: &[OptionalTensor]) -> Result<Vec<Tensor>, ModelError> {
        match catch_unwind(AssertUnwindSafe(|| self.state.run(inputs, optional))) {
            Ok(Ok(outputs)) => Ok(outputs),
            // A run that says why it failed leaves nothing behind; another session would load the file again.
            Ok(Err(NoAnswer::Failed(reason))) => Err(ModelError::Run { reason }),
            Ok(Err(NoAnswer::ToInput(reason))) => Err(ModelError::NoAnswer { reason }),
            Err(panic) => Err(self.renew_after(ModelError::Panicked { reason: panic_message(panic.as_ref()) })),
        }
    }

    /// Checks what the model says about one item.
    fn check_answer(&self, outputs: &[Tensor]) -> Result<(), ModelError> {
        self.engine.check_answer(outputs)
    }

    /// Runs the model once on zeros, so that the first request finds memory and caches ready. A model that takes tensors
    /// of open shapes, or whole tensors of any meaning, may refuse zeros, and serves nevertheless; whoever looks for its
    /// mistake finds the refusal in the log.
    ///
    /// # Errors
    /// As [`Session::run`]; a model that answers zeros with NaN is found here. [`ModelError::LargeInput`] where not even the
    /// zeros would fit into memory.
    pub fn warm_up(&mut self) -> Result<(), ModelError> {
        self.check_size()?;
        let inputs = &self.engine.signature().inputs;
        let whole = self.engine.takes_whole_tensors();
        let is_open = inputs.iter().any(|spec| if whole { !spec.is_fixed() } else { !spec.is_fixed_behind_first() });
        let zeros = self.zeros();
        // Where there is no number that could be another, zeros are all that can be asked.
        let may_be_asked_otherwise = zeros.tensors().iter().any(|tensor| !tensor.values().is_empty());
        let may_fail = self.engine.config().input.is_none() && (is_open || whole && may_be_asked_otherwise);
        match self.run(&zeros) {
            Err(refuted @ (ModelError::WrongScale { .. } | ModelError::BadLabel { .. })) => Err(refuted),
            Err(problem) if may_fail && !problem.is_unsupported() => {
                if !is_open && self.engine.is_first_refusal() {
                    warn!(model = self.engine.name(), model_version = self.engine.version(), %problem, "model_refuses_zeros");
                }
                Ok(())
            }
            warmed => warmed.map(drop),
        }
    }

    /// Whether an input fits into memory: asking for more than there is would end the process.
    fn check_size(&self) -> Result<(), ModelError> {
        let rows = !self.engine.takes_whole_tensors();
        let shapes: Vec<Vec<usize>> = match &self.engine.config().input {
            Some(input) => vec![input.item_shape().to_vec()],
            None => self.engine.signature().inputs.iter().map(|input| input.least_shape(rows)).collect(),
        };
        let count = |shape: &Vec<usize>| shape.iter().fold(1_usize, |count, size| count.saturating_mul(*size));
        let numbers = shapes.iter().map(count).fold(0, usize::saturating_add);
        let most = most_numbers();
        if numbers > most { Err(ModelError::LargeInput { numbers, most }) } else { Ok(()) }
    }

    /// An item, or a request's whole tensors, of zeros.
    pub(crate) fn zeros(&self) -> ModelInput {
        let rows = !self.engine.takes_whole_tensors();
        match &self.engine.config().input {
            Some(input) => ModelInput::zeros(&input.item_shape()),
            None => {
                let inputs = &self.engine.signature().inputs;
                ModelInput::of(inputs.iter().map(|input| input.zeros(rows)).collect())
            }
        }
    }

    /// Replaces the state: a run that stopped halfway may leave anything in it.
    fn renew_after(&mut self, error: ModelError) -> ModelError {
        match new_state(self.engine.program()) {
            Ok(state) => {
                self.state = state;
                error
            }
            Err(problem) => problem,
        }
    }
}

/// How many numbers of four bytes a quarter of the memory has room for.
fn most_numbers() -> usize {
    let bytes = match memory_limit() {
        Some(MemoryLimit::Container(bytes) | MemoryLimit::Machine(bytes)) => bytes,
        None => UNKNOWN_MEMORY,
    };
    usize::try_from(bytes / 16).unwrap_or(usize::MAX)
}

fn new_state(program: &dyn Program) -> Result<Box<dyn RunProgram>, ModelError> {
    program.start().map_err(|reason| ModelError::Start { reason })
}

#[cfg(test)]
mod empty_tests;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod loaded_graph;
#[cfg(test)]
mod shape_tests;
#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::engine::tests::identity;

    #[test]
    fn a_session_is_renewed_after_a_failure() {
        let mut session = Session::new(&identity()).unwrap();
        let error = session.renew_after(ModelError::Run { reason: "first".to_owned() });
        assert_eq!(error.to_string(), "the engine failed: first");
        let outputs = session.run(&ModelInput::new(&[1, 1, 3], vec![1.0, 2.0, 3.0]).unwrap()).unwrap();
        assert_eq!(outputs[0].values().fp32().unwrap(), [1.0, 2.0, 3.0]);
    }
}
