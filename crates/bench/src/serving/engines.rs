//! The engines themselves, as this program runs them: the measure of every server.
//!
//! Rule of thumb: a loop has nothing to decode, to check, to count or to answer; one thread for each core runs the
//! model on an item that is ready.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use inference_service::input::ModelInput;
use inference_service::model::{Engine, Repository, Runtime, RuntimeKind, Session};

use crate::load_result::LoadResult;
use crate::program::ServiceProgram;
use crate::scratch::ScratchFolder;
use terminal::warn;
use testkit::pypi;

/// A runtime, and the file of its library, where it needs one.
pub(super) struct LoadedRuntime {
    runtime: Runtime,
    library: Option<PathBuf>,
}

/// Every runtime that can be had; a line says which cannot, and why.
pub(super) fn runtimes() -> Vec<LoadedRuntime> {
    let mut runtimes = vec![LoadedRuntime { runtime: Runtime::tract(), library: None }];
    let Some(library) = pypi::onnxruntime("ONNX Runtime") else { return runtimes };
    match Runtime::start(RuntimeKind::OnnxRuntime, Some(&library)) {
        Ok(runtime) => runtimes.push(LoadedRuntime { runtime, library: Some(library) }),
        Err(error) => warn(format_args!("SKIPPED: {error}")),
    }
    runtimes
}

impl LoadedRuntime {
    /// Which one it is.
    pub(super) fn kind(&self) -> RuntimeKind {
        self.runtime.kind()
    }

    /// Loads a model of a repository.
    ///
    /// # Errors
    /// Where it cannot be loaded.
    pub(super) fn load(&self, folder: &Path, model: &str) -> Result<Arc<Engine>> {
        let repository = Repository::scan(folder)?;
        let entry = repository.into_entries().into_iter().find(|entry| entry.name == model);
        let source = entry.with_context(|| format!("there is no model {model}"))?.source?;
        Ok(Engine::load(&source, &self.runtime)?)
    }

    /// Starts the inference service as anyone would run it with this runtime and these models, but without a log of
    /// predictions, which the peers lack too.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub(super) fn serve(
        &self,
        folder: &Path,
        scratch: &ScratchFolder,
        environment: &[(&str, &str)],
    ) -> Result<ServiceProgram> {
        ServiceProgram::inference_of(folder, scratch, &self.arguments()?, environment)
    }

    /// What such a service is started with, besides its models.
    ///
    /// # Errors
    /// Where the path of the library is not Unicode.
    pub(super) fn arguments(&self) -> Result<Vec<&str>> {
        let mut arguments = vec!["--log-url", "", "--engine", self.kind().as_str()];
        if let Some(library) = &self.library {
            let library = library.to_str().context("the path of a library is not Unicode")?;
            arguments.extend(["--onnxruntime-library", library]);
        }
        Ok(arguments)
    }
}

/// Runs the model on one item for a while, with a thread and a session for each core.
///
/// # Errors
/// Where a run fails.
pub(super) fn run(engine: &Arc<Engine>, input: &ModelInput, duration: Duration) -> Result<LoadResult> {
    let threads = thread::available_parallelism()?.get();
    let mut sessions = (0..threads).map(|_| Session::warm(engine)).collect::<Result<Vec<_>, _>>()?;
    let started = Instant::now();
    let deadline = started + duration;
    let parts = thread::scope(|scope| {
        let threads: Vec<_> =
            sessions.iter_mut().map(|session| scope.spawn(move || run_until(session, input, deadline))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().map_err(|_| anyhow!("a loop panicked"))?;
        threads.into_iter().map(join).collect::<Result<Vec<Vec<f64>>>>()
    })?;
    let mut latencies = parts.concat();
    latencies.sort_unstable_by(f64::total_cmp);
    let (answered, seconds) = (latencies.len(), started.elapsed().as_secs_f64());
    Ok(LoadResult { answered, seconds, latencies, ..LoadResult::default() })
}

/// Seconds of each run.
fn run_until(session: &mut Session, input: &ModelInput, deadline: Instant) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    let mut before = Instant::now();
    while before < deadline {
        std::hint::black_box(session.run(input)?);
        let after = Instant::now();
        latencies.push((after - before).as_secs_f64());
        before = after;
    }
    Ok(latencies)
}
