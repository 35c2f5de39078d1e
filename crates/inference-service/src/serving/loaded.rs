//! One version of a model at work.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use monitoring::prediction::{ModelMetrics, PredictionMetrics};

use crate::input::ModelInput;
use crate::model::{Engine, ModelError, ModelSource, Runtime, Session, Tensor};

/// A loaded version: its engine, and a warm session for each inference thread.
///
/// Whoever runs an item holds it, so a version that was replaced stays until its last item is answered.
pub(crate) struct Loaded {
    pub(crate) engine: Arc<Engine>,
    /// With the classes of this version.
    pub(crate) metrics: ModelMetrics,
    /// Seconds of reading, optimising and warming up.
    pub(crate) load_seconds: f64,
    source: ModelSource,
    stamp: Option<Stamp>,
    sessions: Mutex<Vec<Session>>,
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// The state of a file; `None` where it cannot be looked at.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let metadata: Metadata = file.metadata().ok()?;
        Some(Self { bytes: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl Loaded {
    /// Loads a version and warms it up for so many threads.
    ///
    /// # Errors
    /// The problem as a sentence.
    pub(super) fn load(
        source: &ModelSource,
        (runtime, threads): (&Runtime, usize),
        predictions: &PredictionMetrics,
    ) -> Result<Self, String> {
        let started = Instant::now();
        // Looked at before the file is read, so that a change meanwhile is seen as one.
        let stamp = Stamp::of(&source.file);
        let load = || -> Result<(Arc<Engine>, Vec<Session>), ModelError> {
            let engine = Engine::load(source, runtime)?;
            let sessions: Result<Vec<_>, ModelError> = (0..threads).map(|_| warm(&engine)).collect();
            Ok((engine, sessions?))
        };
        let (engine, sessions) = load().map_err(|error| error.to_string())?;
        let metrics = predictions.model(engine.name(), engine.labels()).map_err(|error| error.to_string())?;
        Ok(Self {
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
        self.source == *source && self.stamp == Stamp::of(&source.file)
    }

    /// The path of its model.onnx.
    pub(crate) fn file(&self) -> PathBuf {
        self.source.file.clone()
    }

    /// Runs one item.
    ///
    /// # Errors
    /// Those of [`Session::run`].
    pub(crate) fn run(&self, input: &ModelInput) -> Result<Vec<Tensor>, ModelError> {
        let idle = || self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // There is one for each thread; a new one is made only where a thread has ended with its own.
        let taken = idle().pop();
        let mut session = taken.map_or_else(|| self.engine.session(), Ok)?;
        let outputs = session.run(input);
        idle().push(session);
        outputs
    }
}

fn warm(engine: &Arc<Engine>) -> Result<Session, ModelError> {
    let mut session = engine.session()?;
    session.warm_up()?;
    Ok(session)
}
