//! `POST /predict`, from the request to the answer.
//!
//! Rule of thumb: [`predict`] reads like the story of one prediction; each step has a file of its own.
//! Whatever ends the story early is an [`ApiError`], and [`Progress`] tells of it once in metrics, log
//! and prediction log.

mod answer;
mod body;
mod inputs;
mod options;
mod progress;

use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use monitoring::prediction::Phase;
use monitoring::{ApiError, ErrorCode, REQUEST_ID, RequestContext};
use tokio::time::timeout_at;

use crate::app::App;
use crate::model::Prediction;
use crate::outbox::LogFull;
use crate::serving::{RunError, Work};
use answer::Answer;
use body::Query;
use inputs::Item;
use options::Wanted;
use progress::Progress;

/// When a full prediction log may have room again.
const FULL_RETRY_SECONDS: f64 = 5.0;

/// Answers one prediction request, and tells of it whatever its end.
pub(crate) async fn predict(
    State(app): State<App>,
    Extension(context): Extension<RequestContext>,
    request: Request<Body>,
) -> Response {
    let mut progress = Progress::start(&app, context);
    let completed = match answer(&app, &mut progress, request).await {
        Ok(predictions) => progress.complete(predictions).await,
        Err(refusal) => Err(progress.fail(refusal).await),
    };
    match completed {
        Ok((predictions, timings)) => Answer::new(&progress, predictions, timings).into_response(),
        Err(refusal) => ([(REQUEST_ID, progress.request_id().to_owned())], refusal).into_response(),
    }
}

async fn answer(app: &App, progress: &mut Progress, request: Request<Body>) -> Result<Vec<Prediction>, ApiError> {
    let (head, body) = request.into_parts();
    let deadline = match options::deadline(&head.headers, app.config.request_timeout()) {
        Ok(deadline) => deadline,
        Err(refusal) => {
            monitoring::discard_body(&head.headers, body).await;
            return Err(refusal);
        }
    };
    let late = |_| ApiError::new(ErrorCode::DeadlineExceeded, "The request's time was over before it was answered.");
    let answering = answer_until(deadline, app, progress, (head, body));
    timeout_at(deadline.into(), answering).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

async fn answer_until(
    deadline: Instant,
    app: &App,
    progress: &mut Progress,
    (head, body): (Parts, Body),
) -> Result<Vec<Prediction>, ApiError> {
    let body = monitoring::read_body(&head.headers, body, app.config.max_body_bytes).await?;
    let query = Query::parse(&head.uri)?;

    let decoding = Instant::now();
    let (wanted, inputs) = Wanted::parse(&head.headers, query, body).await?;
    progress.named(wanted.request_id);
    let model = app.models.find(wanted.model.as_deref())?;
    progress.for_model(model);
    let engine = model.engine(wanted.version.as_deref())?.clone();
    progress.for_engine(&engine);
    let Some(pool) = app.pool.get() else {
        return Err(ApiError::new(ErrorCode::NotReady, "The service is starting.").retry_after(1.0));
    };

    let items = inputs.count(engine.config(), app.config.max_batch())?;
    progress.items(items);
    app.outbox.admit(items).map_err(log_full)?;
    let slots = app.admission.admit(items)?;
    let (items, mut slots) = inputs.decode(&engine, slots, &app.decoders).await?;
    let (inputs, seen): (Vec<_>, Vec<_>) = items.into_iter().map(|Item { input, seen }| (input, seen)).unzip();
    progress.seen(seen);
    progress.phase(Phase::Decode, decoding.elapsed().as_secs_f64());

    let queued = Instant::now();
    let waiting: Vec<_> = inputs
        .into_iter()
        .filter_map(|input| {
            let slot = slots.split_one()?;
            Some(pool.submit(Work { model: model.index, input, slot, deadline }))
        })
        .collect();
    let mut predictions = Vec::with_capacity(waiting.len());
    let mut ran: Option<(Instant, Instant)> = None;
    for result in waiting {
        let (logits, times) = result.await.unwrap_or(Err(RunError::Stopped)).map_err(run_failed)?;
        let (first, last) = ran.unwrap_or((times.started, times.ended));
        ran = Some((first.min(times.started), last.max(times.ended)));
        predictions.push(Prediction::from_logits(&logits, engine.config(), wanted.top_k).map_err(ApiError::internal)?);
    }
    if let Some((started, ended)) = ran {
        progress.phase(Phase::Queue, started.duration_since(queued).as_secs_f64());
        progress.phase(Phase::Inference, ended.duration_since(started).as_secs_f64());
    }
    Ok(predictions)
}

/// The record of a prediction cannot be kept, and none is answered without.
fn log_full(full: LogFull) -> ApiError {
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
