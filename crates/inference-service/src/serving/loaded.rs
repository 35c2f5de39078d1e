//! One version of a model at work.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use monitoring::Histogram;
use monitoring::prediction::{ModelMetrics, PredictionMetrics};

use super::measured::MeasuredBatching;
use super::{Flow, ModelGauges};
use crate::input::ModelInput;
use crate::model::{Engine, ModelError, ModelSource, Runtime, Session, Tensor};

/// A loaded version: its engine, and a warm session for each inference thread.
///
/// Whoever runs an item holds it, so a version that was replaced stays until its last item is answered.
pub(crate) struct LoadedVersion {
    pub(crate) engine: Arc<Engine>,
    /// With the classes of this version.
    pub(crate) metrics: ModelMetrics,
    /// Seconds of reading, optimising and warming up.
    pub(crate) load_seconds: f64,
    /// What its items take, alone and together.
    pub(crate) measured: MeasuredBatching,
    /// Items of each run.
    run_items: Option<Histogram>,
    /// Its items in the queue.
    pub(crate) flow: Arc<Flow>,
    source: ModelSource,
    stamp: Option<FileStamp>,
    sessions: Mutex<Vec<Session>>,
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// The state of a file; `None` where it cannot be looked at.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let metadata: Metadata = file.metadata().ok()?;
        Some(Self { bytes: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl LoadedVersion {
    /// Loads a version and warms it up for so many threads.
    ///
    /// # Errors
    /// The problem as a sentence.
    pub(super) fn load(
        source: &ModelSource,
        (runtime, threads): (&Runtime, usize),
        (predictions, gauges): (&PredictionMetrics, &ModelGauges),
    ) -> Result<Self, String> {
        let started = Instant::now();
        // Looked at before the file is read, so that a change meanwhile is seen as one.
        let stamp = FileStamp::of(&source.file);
        let load = || -> Result<(Arc<Engine>, Vec<Session>, MeasuredBatching), ModelError> {
            let engine = Engine::load(source, runtime)?;
            let mut first = warm(&engine)?;
            let measured = MeasuredBatching::of(&engine, &mut first)?;
            let others = (1..threads).map(|_| warm(&engine));
            let sessions: Result<Vec<_>, ModelError> = [Ok(first)].into_iter().chain(others).collect();
            Ok((engine, sessions?, measured))
        };
        let (engine, sessions, measured) = load().map_err(|error| error.to_string())?;
        let metrics = predictions.model(engine.name(), engine.labels()).map_err(|error| error.to_string())?;
        Ok(Self {
            flow: Arc::new(Flow::new(engine.name(), measured.item_seconds(), measured.together(&engine))),
            run_items: gauges.run_items(engine.name()),
            measured,
            engine,
            metrics,
            load_seconds: started.elapsed().as_secs_f64(),
            source: source.clone(),
            stamp,
            sessions: Mutex::new(sessions),
        })
    }

    /// Whether loading this source now would give the same.
    pub(super) fn is_still(&self, source: &ModelSource) -> bool {
        self.source == *source && self.stamp == FileStamp::of(&source.file)
    }

    /// The path of its model.onnx.
    pub(crate) fn file(&self) -> PathBuf {
        self.source.file.clone()
    }

    /// Runs items, together if there are several. Each has its answer or its error, one of [`Session::run`].
    pub(crate) fn run(&self, inputs: &[&ModelInput]) -> Vec<Result<Vec<Tensor>, ModelError>> {
        let idle = || self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // There is one for each thread; a new one is made only where a thread has ended with its own.
        let taken = idle().pop();
        let mut session = match taken.map_or_else(|| self.engine.session(), Ok) {
            Ok(session) => session,
            Err(problem) => {
                let reason = problem.to_string();
                return inputs.iter().map(|_| Err(ModelError::Run { reason: reason.clone() })).collect();
            }
        };
        let answers = session.run_each(inputs);
        self.metrics.executed();
        idle().push(session);
        if let Some(run_items) = &self.run_items {
            run_items.observe(inputs.len() as f64);
        }
        answers
    }
}

fn warm(engine: &Arc<Engine>) -> Result<Session, ModelError> {
    let mut session = engine.session()?;
    session.warm_up()?;
    Ok(session)
}
