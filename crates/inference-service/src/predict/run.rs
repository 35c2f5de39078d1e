//! The part of a prediction that every protocol shares: from what a request brought to what its model says.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use monitoring::prediction::Phase;
use monitoring::{ApiError, ErrorCode};

use super::inputs::{Inputs, Item};
use super::progress::Progress;
use crate::app::App;
use crate::model::{Engine, Prediction};
use crate::outbox::LogFull;
use crate::serving::{InferenceJob, LoadedVersion, RunError};

/// When a full prediction log may have room again.
const FULL_RETRY_SECONDS: f64 = 5.0;

/// A loaded model that a request asks for.
pub(crate) struct Target {
    pub(crate) engine: Arc<Engine>,
    loaded: Arc<LoadedVersion>,
}

impl Target {
    /// The model of this name or the default one, in this version or the one that serves.
    ///
    /// # Errors
    /// `model_not_found`, `not_ready`, or `invalid_request` where none is named and none is the default.
    pub(crate) fn find(
        app: &App,
        progress: &mut Progress,
        (model, version): (Option<&str>, Option<&str>),
    ) -> Result<Self, ApiError> {
        let model = app.models.find(model)?;
        progress.for_model(&model);
        let loaded = model.version(version)?;
        progress.for_version(loaded);
        Ok(Self { engine: loaded.engine.clone(), loaded: loaded.clone() })
    }

    /// Decodes the inputs and runs each item; `top_k` classes are told of. `decoding` is when the decoding of the
    /// request began.
    ///
    /// # Errors
    /// Every refusal that a prediction can have once its model is found.
    pub(crate) async fn run(
        &self,
        app: &App,
        progress: &mut Progress,
        (decoding, deadline): (Instant, Instant),
        (inputs, top_k): (Inputs, NonZeroUsize),
    ) -> Result<Vec<Prediction>, ApiError> {
        let Self { engine, loaded } = self;
        let items = inputs.count(engine, app.config.max_batch())?;
        progress.items(items);
        app.outbox.admit(items).map_err(log_full)?;
        let slots = app.admission.admit(&loaded.flow, items, &app.models)?;
        let (items, mut slots) = inputs.decode(engine, slots, app).await?;
        let (inputs, seen): (Vec<_>, Vec<_>) = items.into_iter().map(|Item { input, seen }| (input, seen)).unzip();
        progress.seen(seen.into_iter().flatten().collect());
        let queued = Instant::now();
        progress.phase(Phase::Decode, decoding, queued);

        let waiting: Vec<_> = inputs
            .into_iter()
            .map(|input| app.pool.submit(&mut slots, InferenceJob { model: loaded.clone(), input, deadline }))
            .collect();
        let mut predictions = Vec::with_capacity(waiting.len());
        let mut ran: Option<(Instant, Instant)> = None;
        for result in waiting {
            let (outputs, times) = result.await.map_err(run_failed)?;
            let (first, last) = ran.unwrap_or((times.started, times.ended));
            ran = Some((first.min(times.started), last.max(times.ended)));
            predictions.push(engine.prediction(outputs, top_k).map_err(ApiError::internal)?);
        }
        if let Some((started, ended)) = ran {
            progress.phase(Phase::Queue, queued, started);
            progress.phase(Phase::Inference, started, ended);
        }
        Ok(predictions)
    }
}

/// The record of a prediction cannot be kept, and none is answered without.
pub(super) fn log_full(full: LogFull) -> ApiError {
    ApiError::new(ErrorCode::NotReady, full.to_string()).retry_after(FULL_RETRY_SECONDS)
}

fn run_failed(error: RunError) -> ApiError {
    match error {
        RunError::Expired => {
            ApiError::new(ErrorCode::DeadlineExceeded, "The request's time was over before a thread was free.")
        }
        RunError::Stopped => ApiError::new(ErrorCode::NotReady, "The service is stopping.").retry_after(1.0),
        RunError::Model(error) => ApiError::internal(error),
    }
}
