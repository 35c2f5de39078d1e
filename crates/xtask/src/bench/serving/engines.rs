//! The engines themselves, as this program runs them: the measure of everybody who serves.
//!
//! Rule of thumb: a loop has nothing to decode, to check, to count or to answer; one thread for each core runs the
//! model on an item that is ready.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use inference_service::input::ModelInput;
use inference_service::model::{Engine, Repository, Runtime, RuntimeKind, Session};

use super::item::MODEL;
use crate::bench::flood::Flood;
use crate::console::warn;
use crate::workspace;

/// The model in one of the engines.
pub(super) struct LoadedEngine {
    /// Which one.
    pub(super) kind: RuntimeKind,
    /// The file of its library, where it needs one.
    pub(super) library: Option<PathBuf>,
    /// The model in it.
    pub(super) engine: Arc<Engine>,
}

/// The model in every engine that can be had; a line says which cannot, and why.
///
/// # Errors
/// Where the model cannot be loaded.
pub(super) fn load() -> Result<Vec<LoadedEngine>> {
    let mut engines = vec![in_runtime(&Runtime::tract(), None)?];
    let Some(library) = pypi::onnxruntime("ONNX Runtime") else { return Ok(engines) };
    match Runtime::start(RuntimeKind::OnnxRuntime, Some(&library)) {
        Ok(runtime) => engines.push(in_runtime(&runtime, Some(library))?),
        Err(error) => warn(format_args!("SKIPPED: {error}")),
    }
    Ok(engines)
}

fn in_runtime(runtime: &Runtime, library: Option<PathBuf>) -> Result<LoadedEngine> {
    let repository = Repository::scan(&workspace::root().join("deploy/models"))?;
    let entry = repository.into_entries().into_iter().find(|entry| entry.name == MODEL);
    let source = entry.with_context(|| format!("there is no model {MODEL}"))?.source?;
    Ok(LoadedEngine { kind: runtime.kind(), library, engine: Engine::load(&source, runtime)? })
}

/// Runs the model on one item for a while, with a thread and a session for each core.
///
/// # Errors
/// Where a run fails.
pub(super) fn run(engine: &Arc<Engine>, input: &ModelInput, duration: Duration) -> Result<Flood> {
    let threads = thread::available_parallelism()?.get();
    let mut sessions = (0..threads).map(|_| engine.session()).collect::<Result<Vec<_>, _>>()?;
    sessions.iter_mut().try_for_each(Session::warm_up)?;
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
    Ok(Flood { answered: latencies.len(), refused: 0, seconds: started.elapsed().as_secs_f64(), latencies })
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
