//! One version of a model at work.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use monitoring::Histogram;
use monitoring::prediction::ModelMetrics;

use super::Flow;
use super::feature_refusals::FeatureRefusals;
use super::measured::MeasuredBatching;
use crate::input::ModelInput;
use crate::model::file_stamp::{self, FileStamps};
use crate::model::{Engine, ModelError, ModelSource, Session, Tensor};

/// A loaded version: its engine, and a warm session for each inference thread.
///
/// Each item under way holds it, so a version that was replaced stays until its last item is answered.
pub(crate) struct LoadedVersion {
    pub(crate) engine: Arc<Engine>,
    /// Why ONNX Runtime does not run it, where `auto` could not have it so.
    pub(crate) engine_because: Option<String>,
    /// With the classes of this version.
    pub(crate) metrics: ModelMetrics,
    /// Seconds of reading, optimising and warming up.
    pub(crate) load_seconds: f64,
    /// How long its items take, alone and together.
    pub(crate) measured: MeasuredBatching,
    /// Items of each run.
    pub(super) run_items: Histogram,
    /// Where refused values of its features are counted.
    pub(crate) feature_refusals: FeatureRefusals,
    /// Its items in the queue.
    pub(crate) flow: Arc<Flow>,
    pub(super) source: ModelSource,
    /// Of the files that it was read from, as they were before.
    pub(super) stamps: FileStamps,
    pub(super) sessions: Mutex<Vec<Session>>,
}

impl LoadedVersion {
    /// Whether loading this source now would give the same.
    pub(super) fn is_still(&self, source: &ModelSource) -> bool {
        let files = self.stamps.iter().map(|(file, _)| file.as_path());
        self.source == *source && self.stamps == file_stamp::stamps(files)
    }

    /// The path of its model.onnx.
    pub(crate) fn file(&self) -> PathBuf {
        self.source.file.clone()
    }

    /// Runs items, together if there are several. Each has its answer or its error, one of [`Session::run`].
    pub(super) fn run(&self, inputs: &[&ModelInput]) -> Vec<Result<Vec<Tensor>, ModelError>> {
        let idle = || self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // The queue gives no turn to more than there are; a new one is made only where a thread has ended with its own.
        let taken = idle().pop();
        let mut session = match taken.map_or_else(|| Session::new(&self.engine), Ok) {
            Ok(session) => session,
            Err(problem) => {
                let reason = problem.to_string();
                return inputs.iter().map(|_| Err(ModelError::Start { reason: reason.clone() })).collect();
            }
        };
        let answers = session.run_each(inputs);
        self.metrics.executed();
        idle().push(session);
        self.run_items.observe(inputs.len() as f64);
        answers
    }
}
