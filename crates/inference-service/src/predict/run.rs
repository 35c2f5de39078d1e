//! The part of a prediction that every protocol shares: from what a request brought to what its model says.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use monitoring::prediction::PredictionPhase;
use monitoring::{ApiError, ErrorCode, without_numbers};

use super::decode::Payload;
use super::decoded_item::DecodedItem;
use super::fault::fault_of_input;
use super::progress::{Progress, without_record};
use crate::app::App;
use crate::model::{Engine, ModelError, Prediction};
use crate::serving::{InferenceJob, JobAnswer, LoadedVersion, RunError};

/// What a version of a model is asked, and for how long.
pub(crate) struct RunRequest {
    pub(crate) version: Arc<LoadedVersion>,
    pub(crate) payload: Payload,
    /// How many classes to tell of.
    pub(crate) top_k: NonZeroUsize,
    /// When the decoding of the request began.
    pub(crate) decoding_since: Instant,
    pub(crate) deadline: Instant,
}

/// Decodes the payload and runs each item of it.
///
/// # Errors
/// Every refusal that a prediction can have once its model is found.
pub(crate) async fn run(app: &App, progress: &mut Progress, request: RunRequest) -> Result<Vec<Prediction>, ApiError> {
    let RunRequest { version, payload, top_k, decoding_since, deadline } = request;
    let engine = &version.engine;
    let items = payload.count(engine, app.config.max_batch())?;
    progress.set_items(items);
    app.outbox.admit(items).map_err(without_record)?;
    let mut slots = app.admission.admit(&version.flow, items, &app.models)?;
    let items = payload.decode(engine, app, deadline).await?;
    let queued = Instant::now();
    progress.phase(PredictionPhase::Decode, decoding_since, queued);

    let mut waiting = Vec::with_capacity(items.len());
    for DecodedItem { input, logged } in items {
        progress.add_logged_input(logged);
        waiting.push(app.pool.submit(&mut slots, InferenceJob { version: version.clone(), input, deadline }));
    }
    let mut predictions = Vec::with_capacity(waiting.len());
    let mut ran = None;
    for result in waiting {
        let JobAnswer { outputs, times } = result.await.map_err(|error| run_failed(error, engine, progress))?;
        let all = ran.get_or_insert(times);
        all.started = all.started.min(times.started);
        all.ended = all.ended.max(times.ended);
        predictions.push(engine.prediction(outputs, top_k).map_err(|error| model_failed(&error, engine, progress))?);
    }
    if let Some(ran) = ran {
        progress.phase(PredictionPhase::Queue, queued, ran.started);
        progress.phase(PredictionPhase::Inference, ran.started, ran.ended);
    }
    Ok(predictions)
}

fn run_failed(error: RunError, engine: &Engine, progress: &mut Progress) -> ApiError {
    match error {
        RunError::Expired => {
            ApiError::new(ErrorCode::DeadlineExceeded, "The request's time was over before a thread was free.")
        }
        RunError::Stopped => ApiError::new(ErrorCode::NotReady, "The service is stopping.").retry_after(1.0),
        RunError::Model(error) => model_failed(&error, engine, progress),
    }
}

/// Says whose fault it is, and counts what the model refuses.
fn model_failed(error: &ModelError, engine: &Engine, progress: &mut Progress) -> ApiError {
    let takes_tables = engine.config().input.is_none();
    let cause = if takes_tables { without_numbers(&error.to_string()) } else { error.to_string() };
    match fault_of_input(error, engine.has_answered()) {
        Some(sentence) => {
            progress.refused_by_engine();
            let logged = without_numbers(&sentence);
            ApiError::new(ErrorCode::InvalidInput, sentence).logged_as(logged).caused_by(cause)
        }
        None => ApiError::internal(cause),
    }
}
