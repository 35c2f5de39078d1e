//! `POST /log`: records of predictions.

use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use monitoring::ApiError;
use tracing::info;

use super::body::ReceivedBody;
use super::items::parse_items;
use crate::app::App;
use crate::openapi::examples;
use crate::openapi::refusal_sets::IngestRefusals;
use crate::openapi::text_bodies::Lines;
use crate::refusal::refusal;
use crate::store::Acknowledgement;

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
        (ref("#/components/schemas/Records") = "application/json", example = examples::record),
        (Lines = "application/x-ndjson", example = examples::record_lines)
    )),
    responses((status = 200, description = "How many were stored", body = Acknowledgement), IngestRefusals)
)]
pub(crate) async fn log(State(app): State<App>, request: Request<Body>) -> Result<Json<Acknowledgement>, ApiError> {
    let started = Instant::now();
    let mut body = ReceivedBody::receive(&app, request).await?;
    // The records are in memory until they are stored.
    let _parsed = body.parsed.take();
    let most = app.config.queue_limit as usize;
    let records = body.off_worker_if_large(|| parse_items(&body, most))?;
    drop(body);
    let stored = app.store.submit(records).await.map_err(refusal)?;
    info!(
        accepted = stored.accepted,
        duplicates = stored.duplicates,
        duration_seconds = started.elapsed().as_secs_f64(),
        "records_stored"
    );
    Ok(Json(stored))
}
