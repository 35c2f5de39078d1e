//! ONNX Runtime's execution providers: what a model.toml asks for under `providers`, and which of them run the model.
//!
//! Rule of thumb: an accelerator that is not there makes a model slower, and never keeps it from serving.

use std::path::Path;

use super::error::ModelError;
use super::runtime::{ExecutionProvider, MissingBecause, Runtime};

/// An accelerator that model.toml asks for, and that does not run the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingProvider {
    /// The accelerator.
    pub provider: ExecutionProvider,
    because: MissingBecause,
}

impl MissingProvider {
    /// Why it does not run the model; where ONNX Runtime says why, in its words.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.because {
            MissingBecause::Tract => "tract runs the model, which uses the CPU only".to_owned(),
            MissingBecause::Library(has) => {
                let has: Vec<&str> = has.iter().map(|provider| provider.as_str()).collect();
                format!("the library of ONNX Runtime has only {}", has.join(", "))
            }
            MissingBecause::Failed(message) => message.trim().to_owned(),
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn remedy(&self) -> String {
        let (name, package) = (self.provider.as_str(), self.provider.package());
        let library = format!(
            "--onnxruntime-library or ORT_DYLIB_PATH names a library that has it, such as that of `pip download {package}`"
        );
        let give_up = format!("or take {name:?} out of `providers` in model.toml");
        match &self.because {
            MissingBecause::Tract => format!("let ONNX Runtime run the model: {library}; {give_up}"),
            MissingBecause::Library(_) => format!("{library}; {give_up}"),
            MissingBecause::Failed(_) => {
                format!("install what {name} needs on this machine, and start the service again; {give_up}")
            }
        }
    }
}

/// Which providers run a model, and which do not although its model.toml asks for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelProviders {
    accelerators: Vec<ExecutionProvider>,
    missing: Vec<MissingProvider>,
}

impl ModelProviders {
    /// The accelerators of a list in model.toml, in its order. The CPU is behind them whether the list names it or not.
    ///
    /// # Errors
    /// [`ModelError::Field`] for an empty list, and for names that cannot have an effect.
    pub(super) fn asked_for(
        listed: Option<Vec<ExecutionProvider>>,
        path: &Path,
    ) -> Result<Vec<ExecutionProvider>, ModelError> {
        let field =
            |problem: String, remedy| ModelError::Field { path: path.to_owned(), field: "providers", problem, remedy };
        let Some(mut listed) = listed else { return Ok(Vec::new()) };
        if listed.is_empty() {
            return Err(field("is empty".to_owned(), "name at least one, or remove the field"));
        }
        for (position, provider) in listed.iter().enumerate() {
            let name = provider.as_str();
            if listed[..position].contains(provider) {
                return Err(field(format!("has {name:?} twice"), "name each once"));
            }
            if listed[..position].contains(&ExecutionProvider::Cpu) {
                let problem = format!("has {name:?} behind \"cpu\"");
                return Err(field(problem, "the CPU takes every node, so name it last"));
            }
        }
        listed.retain(|provider| *provider != ExecutionProvider::Cpu);
        Ok(listed)
    }

    /// The providers of a runtime that has some of the wanted accelerators.
    pub(super) fn offered(wanted: &[ExecutionProvider], runtime: &Runtime) -> Self {
        let mut providers = Self::default();
        for provider in wanted.iter().copied() {
            match runtime.offers(provider) {
                Ok(()) => providers.accelerators.push(provider),
                Err(because) => providers.missing.push(MissingProvider { provider, because }),
            }
        }
        providers
    }

    /// Loads a model on these accelerators; where that fails, on those with which it does not, in the end on the CPU alone.
    ///
    /// # Errors
    /// The error of the CPU alone.
    pub(super) fn settle<T>(mut self, load: impl Fn(&Self) -> Result<T, ModelError>) -> Result<T, ModelError> {
        loop {
            let problem = match load(&self) {
                Ok(loaded) => return Ok(loaded),
                Err(problem) if self.accelerators.is_empty() => return Err(problem),
                Err(problem) => problem,
            };
            let (position, problem) = self.failing(problem, &load);
            let (provider, because) = (self.accelerators.remove(position), MissingBecause::Failed(problem.to_string()));
            self.missing.push(MissingProvider { provider, because });
        }
    }

    /// The accelerator that is to blame for a problem of all of them, by its position, with what it says by itself. Where each
    /// works by itself, the last one has to go.
    fn failing<T>(&self, problem: ModelError, load: impl Fn(&Self) -> Result<T, ModelError>) -> (usize, ModelError) {
        let last = self.accelerators.len() - 1;
        if last == 0 {
            return (last, problem);
        }
        let alone = |provider: &ExecutionProvider| Self { accelerators: vec![*provider], missing: Vec::new() };
        let mut each = self.accelerators.iter().map(alone).enumerate();
        each.find_map(|(position, alone)| Some((position, load(&alone).err()?))).unwrap_or((last, problem))
    }

    /// The accelerators that run the model, in the order in which they may take its nodes.
    pub(super) fn accelerators(&self) -> &[ExecutionProvider] {
        &self.accelerators
    }

    /// The names of all that run the model; the last is `cpu`.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.accelerators.iter().copied().chain([ExecutionProvider::Cpu]).map(ExecutionProvider::as_str).collect()
    }

    /// The accelerators that model.toml asks for, and that do not run the model.
    #[must_use]
    pub fn missing(&self) -> &[MissingProvider] {
        &self.missing
    }
}

#[cfg(test)]
mod tests;
