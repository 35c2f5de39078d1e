//! What comes in: `POST /log`, `/feedback` and `/cloudevents`, each acknowledged once it is on the disk.
//!
//! Rule of thumb: all of a request is valid, or none is stored.

mod bodies;
pub(crate) mod events;
pub(crate) mod feedback;
mod records;

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::info;

use crate::app::App;
use crate::openapi::Telling;
use crate::refusal::refusal;
use crate::store::Accepted;

pub(crate) use bodies::Bodies;
pub(crate) use events::{cloudevents, expire};
pub(crate) use feedback::feedback;

/// How long a client may take to send its body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// When there may be room for a body again.
const FULL_RETRY_SECONDS: f64 = 1.0;
/// Bytes of a body that takes long to parse, compared with everything else about a request.
const LARGE_BODY: usize = 64 * 1024;

/// Stores one record, a JSON array of them, or NDJSON
///
/// Answered when they are on the disk. All are valid, or none is stored; a refusal names the `index` and the `field`.
/// A record whose `event_id` is known is a duplicate, so sending again is safe.
#[utoipa::path(
    post,
    path = "/log",
    operation_id = "log",
    tag = "records",
    request_body(content(
        (ref("#/components/schemas/Records") = "application/json", example = crate::openapi::examples::record),
        (ref("#/components/schemas/Lines") = "application/x-ndjson", example = crate::openapi::examples::record_lines)
    )),
    responses((status = 200, description = "What became of them", body = Accepted), Telling)
)]
pub(crate) async fn log(State(app): State<App>, request: Request<Body>) -> Result<Json<Accepted>, ApiError> {
    let started = Instant::now();
    let (headers, body) = body(&app, request).await?;
    let most = app.config.queue_limit as usize;
    let records = if body.len() < LARGE_BODY {
        records::parse(&headers, &body, most)?
    } else {
        // Milliseconds, in which other requests shall not wait for this one.
        let parsing = spawn_blocking(move || records::parse(&headers, &body, most));
        parsing.await.map_err(ApiError::internal)??
    };
    let stored = app.store.submit(records).await.map_err(refusal)?;
    info!(
        accepted = stored.accepted,
        duplicates = stored.duplicates,
        duration_seconds = started.elapsed().as_secs_f64(),
        "records_stored"
    );
    Ok(Json(stored))
}

/// The headers and the whole body, within the bounds of size, time and memory.
pub(crate) async fn body(app: &App, request: Request<Body>) -> Result<(HeaderMap, Bytes), ApiError> {
    let (head, body) = request.into_parts();
    let Some(room) = app.bodies.room_for(&head.headers) else {
        monitoring::discard_body(&head.headers, body).await;
        let sentence = "Too many bodies are being received; try again later.";
        return Err(ApiError::new(ErrorCode::Overloaded, sentence).retry_after(FULL_RETRY_SECONDS));
    };
    let reading = monitoring::read_body(&head.headers, body, app.config.max_body_bytes);
    let late = |_| ApiError::new(ErrorCode::DeadlineExceeded, "The body did not arrive within 30 seconds.");
    let body = timeout(BODY_PATIENCE, reading).await.map_err(late)??;
    Ok((head.headers, room.around(body)))
}
