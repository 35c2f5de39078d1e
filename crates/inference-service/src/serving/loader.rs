//! Loads versions of models and warms them up.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use monitoring::prediction::PredictionMetrics;
use tracing::{info, warn};

use super::measured::MeasuredBatching;
use super::samples::SampleRange;
use super::{Flow, LoadedVersion, ModelMetricFamilies};
use crate::model::{
    Engine, ModelError, ModelSource, RepositoryFolder, Runtime, RuntimeCandidates, Runtimes, Session, file_stamp,
    unread_beside,
};

/// Everything that loading needs.
pub(crate) struct ModelLoader {
    /// Where the models are.
    pub(crate) folder: RepositoryFolder,
    pub(crate) runtimes: Runtimes,
    pub(crate) predictions: PredictionMetrics,
    pub(crate) families: ModelMetricFamilies,
}

/// A version that is ready to run.
struct WarmVersion {
    engine: Arc<Engine>,
    sessions: Vec<Session>,
    measured: MeasuredBatching,
}

impl ModelLoader {
    /// Loads a version in the first engine that takes it, and warms up its instances.
    ///
    /// # Errors
    /// The problem as a sentence.
    pub(super) fn load(&self, source: &ModelSource) -> Result<LoadedVersion, String> {
        let started = Instant::now();
        // Looked at before the files are read, so that a change meanwhile is seen as one.
        let mut stamps = file_stamp::stamps_beside(&source.file);
        let (warm, engine_because) = self.first_that_fits(source)?;
        let WarmVersion { engine, sessions, measured } = warm;
        stamps.retain(|(file, _)| *file == source.file || engine.weights().contains(file));
        let unseen = |file: &&Path| stamps.iter().all(|(seen, _)| seen.as_path() != *file);
        let more = file_stamp::stamps(engine.weights().iter().map(PathBuf::as_path).filter(unseen));
        stamps.extend(more);
        let metrics = self.predictions.model(engine.name(), engine.labels());
        let loaded = LoadedVersion {
            flow: Arc::new(
                Flow::new(engine.name(), measured.item_seconds(), measured.policy(&engine)).of(engine.instances()),
            ),
            run_items: self.families.run_items(&metrics),
            feature_refusals: self
                .families
                .feature_refusals
                .of(metrics.label().values().first().map_or("", |name| name), &engine),
            measured,
            engine,
            engine_because,
            metrics,
            load_seconds: started.elapsed().as_secs_f64(),
            source: source.clone(),
            stamps,
            sessions: Mutex::new(sessions),
        };
        let engine = &loaded.engine;
        warn_of_missing_providers(engine);
        let classes = engine.classes();
        info!(
            model = engine.name(),
            model_version = engine.version(),
            sha256 = engine.sha256(),
            engine = engine.runtime().as_str(),
            engine_because = loaded.engine_because,
            providers = engine.providers().names().join(", "),
            instances = engine.instances().count,
            intra_threads = engine.instances().intra_threads,
            load_seconds = loaded.load_seconds,
            scores_output = classes.map(|classes| classes.output_name.as_str()),
            scores_scale = classes.map(|classes| classes.scale.as_str()),
            scores_decided_by = classes.map(|classes| classes.decided_by.as_str()),
            batch_limit = loaded.measured.limit(),
            single_because = loaded.measured.single_because.as_deref(),
            item_ms_by_batch = loaded.measured.text(),
            "model_loaded"
        );
        for unread in unread_beside(&source.file, engine.weights()) {
            warn!(path = %unread.path.display(), because = unread.because, "model_file_passed_over");
        }
        Ok(loaded)
    }

    /// The model in the first engine that takes it, with why that is not ONNX Runtime where that was wanted.
    fn first_that_fits(&self, source: &ModelSource) -> Result<(WarmVersion, Option<String>), String> {
        let candidates = self.runtimes.candidates(source.config.engine).map_err(|error| error.to_string())?;
        let RuntimeCandidates { runtimes, missing } = candidates;
        if let ([only], None) = (runtimes.as_slice(), &missing) {
            return self.warm_up(source, only).map(|warm| (warm, None)).map_err(|problem| problem.to_string());
        }
        let mut refusals: Vec<String> = missing.into_iter().collect();
        for runtime in runtimes {
            match self.warm_up(source, &runtime) {
                Ok(warm) => return Ok((warm, (!refusals.is_empty()).then(|| refusals.join("; ")))),
                // No other engine reads it either.
                Err(problem @ ModelError::Unreadable { .. }) => return Err(problem.to_string()),
                Err(problem) => {
                    let engine = runtime.kind().as_str();
                    warn!(model = source.name, engine, %problem, "engine_refuses_model");
                    refusals.push(format!("{engine}: {problem}"));
                }
            }
        }
        Err(refusals.join("; "))
    }

    fn warm_up(&self, source: &ModelSource, runtime: &Runtime) -> Result<WarmVersion, ModelError> {
        let first = Session::first(source, runtime)?;
        let engine = first.engine().clone();
        let mut sessions = vec![first];
        // Only classes have a scale. Other models may take sizes and steps, at which guesses can end the whole process.
        if engine.classes().is_some() {
            try_meaning(&mut sessions[0])?;
        }
        let measured = MeasuredBatching::of(&engine, &mut sessions[0])?;
        for _ in 1..engine.instances().count {
            sessions.push(Session::warm(&engine)?);
        }
        Ok(WarmVersion { engine, sessions, measured })
    }
}

/// Warns of each accelerator that the model's model.toml asks for, and that does not run it.
fn warn_of_missing_providers(engine: &Engine) {
    let providers = engine.providers().names().join(", ");
    for missing in engine.providers().missing() {
        warn!(
            model = engine.name(),
            model_version = engine.version(),
            engine = engine.runtime().as_str(),
            provider = missing.provider.as_str(),
            reason = missing.reason(),
            remedy = missing.remedy(),
            providers,
            "model_provider_missing"
        );
    }
}

/// Runs a few items whose answers may show that the model's numbers are not what they are said to be.
///
/// # Errors
/// [`ModelError::WrongScale`] where they are not; whatever else comes of items that nobody sent is no mistake of the model.
fn try_meaning(session: &mut Session) -> Result<(), ModelError> {
    const ITEMS: usize = 3;
    let zeros = session.zeros();
    for number in 0..ITEMS {
        if let Err(refuted @ ModelError::WrongScale { .. }) = session.run(&SampleRange::USUAL.sample(&zeros, number)) {
            return Err(refuted);
        }
    }
    Ok(())
}
