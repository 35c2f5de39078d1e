//! What is found of one model.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use super::golden::GoldenArrays;
use crate::model::{
    ConstantInputs, Engine, ModelConfig, ModelError, ModelSource, Proposal, Runtime, RuntimeKind, Session, Task,
    TensorSpec, unread_beside,
};

/// An engine that can be asked, or why it cannot.
pub(super) struct CheckedEngine {
    pub(super) kind: RuntimeKind,
    pub(super) runtime: Result<Runtime, String>,
}

/// One model to report of.
pub(super) struct ModelReport<'a> {
    pub(super) source: &'a ModelSource,
    pub(super) engines: &'a [CheckedEngine],
    pub(super) golden: Option<&'a GoldenArrays>,
    pub(super) tolerance: f64,
}

/// A model in an engine that takes it.
struct LoadedModel {
    engine: Arc<Engine>,
    session: Session,
}

impl ModelReport<'_> {
    /// Writes it; true if the model would serve, and gives the right answers.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<bool> {
        let ModelSource { name, version, file, config } = self.source;
        writeln!(out, "{name}, version {version}: {}, task {:?}", file.display(), config.task.as_str())?;
        let loaded = self.load(out)?;
        if loaded.is_empty() {
            self.explain_refused(out)?;
            return Ok(false);
        }
        if let Some(first) = loaded.first() {
            explain(&first.engine, out)?;
            let unread = unread_beside(file, first.engine.weights());
            unread.iter().try_for_each(|unread| writeln!(out, "  {unread}"))?;
        }
        if config.task == Task::Raw {
            self.propose(&loaded, out)?;
        }
        let mut right = true;
        for LoadedModel { engine, mut session } in loaded {
            if let Some(golden) = self.golden {
                writeln!(out, "  held against the golden arrays, in {}:", engine.runtime().as_str())?;
                right &= golden.compare(&mut session, self.tolerance, out)?;
            }
        }
        Ok(right)
    }

    /// The model in each engine that takes it; of the others it says why.
    fn load(&self, out: &mut dyn Write) -> io::Result<Vec<LoadedModel>> {
        let mut loaded = Vec::new();
        for CheckedEngine { kind, runtime } in self.engines {
            let Ok(runtime) = runtime else { continue };
            let started = Instant::now();
            let load = || -> Result<LoadedModel, ModelError> {
                let session = Session::first(self.source, runtime)?;
                Ok(LoadedModel { engine: session.engine().clone(), session })
            };
            match load() {
                Ok(model) => {
                    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
                    let providers = model.engine.providers();
                    let on = providers.names().join(", ");
                    writeln!(out, "  {} takes it, loaded in {milliseconds:.0} ms, on {on}", kind.as_str())?;
                    for missing in providers.missing() {
                        let (provider, reason, remedy) =
                            (missing.provider.as_str(), missing.reason(), missing.remedy());
                        writeln!(out, "  {provider} does not run it: {reason}; {remedy}")?;
                    }
                    loaded.push(model);
                }
                Err(problem) => writeln!(out, "  {} refuses it: {problem}", kind.as_str())?,
            }
        }
        Ok(loaded)
    }

    /// What the file takes and gives, where only model.toml keeps it from serving.
    fn explain_refused(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.source.config.task == Task::Raw {
            return Ok(());
        }
        let raw = ModelSource { config: ModelConfig::raw(), ..self.source.clone() };
        let runtimes = self.engines.iter().filter_map(|engine| engine.runtime.as_ref().ok());
        let Some(engine) = runtimes.filter_map(|runtime| Engine::load(&raw, runtime).ok()).next() else {
            return Ok(());
        };
        writeln!(out, "  As \"raw\" it would serve:")?;
        explain(&engine, out)?;
        self.write_proposal(&engine, out)
    }

    fn propose(&self, loaded: &[LoadedModel], out: &mut dyn Write) -> io::Result<()> {
        loaded.first().map_or(Ok(()), |first| self.write_proposal(&first.engine, out))
    }

    fn write_proposal(&self, engine: &Engine, out: &mut dyn Write) -> io::Result<()> {
        let Ok(proposal) = Proposal::of(&self.source.file, engine.signature()) else { return Ok(()) };
        writeln!(out, "  a model.toml for it could be:")?;
        proposal.lines.iter().try_for_each(|line| writeln!(out, "    {line}"))
    }
}

/// What a model takes and gives.
fn explain(engine: &Engine, out: &mut dyn Write) -> io::Result<()> {
    let signature = engine.signature();
    let written = |out: &mut dyn Write, role: &str, specs: &[TensorSpec]| {
        specs.iter().try_for_each(|spec| writeln!(out, "  {role} {:?}: {spec}", spec.name))
    };
    written(out, "input", &signature.inputs)?;
    written(out, "optional input", &signature.optional)?;
    if let Some(ConstantInputs { names, because }) = &signature.constant {
        let first = names.iter().take(5).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let more = if names.len() > 5 { ", …" } else { "" };
        writeln!(out, "  listed as inputs, and always as in the file: {first}{more}, because {because}")?;
    }
    written(out, "output", &signature.outputs)?;
    if engine.task() == Task::Classification {
        let labels = engine.labels();
        let first: Vec<&str> = labels.iter().take(5).map(String::as_str).collect();
        let more = if labels.len() > first.len() { ", …" } else { "" };
        writeln!(out, "  {} classes: {}{more}", labels.len(), first.join(", "))?;
    }
    Ok(())
}
