//! `POST /feedback`: the true labels of predictions, whenever they become known.
//!
//! Rule of thumb: a label is never refused because its prediction is not there; it may be on its way.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use jiff::Timestamp;
use monitoring::ApiError;
use prediction_record::{InvalidRecord, MAX_ID_CHARS, MAX_LABEL_CHARS};
use tracing::info;

use super::items::{BodyItem, parse_items};
use crate::app::App;
use crate::metrics::upkeep::FeedbackOutcome;
use crate::openapi::examples;
use crate::openapi::refusal_sets::IngestRefusals;
use crate::openapi::text_bodies::Lines;
use crate::refusal::refusal;
use crate::store::Acknowledgement;
use crate::store::labels::{self, TrueLabel};
use crate::store::time::floor_microseconds;

/// The most labels of one request. Each costs some look-ups, during which no other request's records are written.
const MOST_LABELS: usize = 1_000;

/// Stores one true label, a JSON array of them, or NDJSON
///
/// A label may come before its prediction. The latest of a prediction wins.
#[utoipa::path(
    post,
    path = "/feedback",
    operation_id = "feedback",
    tag = "records",
    request_body(content(
        (ref("#/components/schemas/Labels") = "application/json", example = examples::label),
        (Lines = "application/x-ndjson", example = examples::label_lines)
    )),
    responses((status = 200, description = "How many were stored", body = Acknowledgement), IngestRefusals)
)]
pub(crate) async fn feedback(
    State(app): State<App>,
    request: Request<Body>,
) -> Result<Json<Acknowledgement>, ApiError> {
    let body = app.bodies.receive(request).await?;
    let given: Vec<TrueLabel> = parse_items(&body, MOST_LABELS)?;
    let weight = given.len();
    let stored = app
        .store
        .write(weight, move |tx| labels::add(tx, &given, floor_microseconds(Timestamp::now())))
        .await
        .map_err(refusal)?;
    app.upkeep.count_labels(FeedbackOutcome::Accepted, stored.accepted);
    app.upkeep.count_labels(FeedbackOutcome::Duplicate, stored.duplicates);
    info!(accepted = stored.accepted, duplicates = stored.duplicates, "labels_stored");
    Ok(Json(stored))
}

impl BodyItem for TrueLabel {
    fn check(&self) -> Result<(), InvalidRecord> {
        check_text("request_id", &self.request_id, MAX_ID_CHARS)?;
        check_text("label", &self.label, MAX_LABEL_CHARS)?;
        self.source.as_deref().map_or(Ok(()), |source| check_text("source", source, MAX_LABEL_CHARS))
    }
}

fn check_text(field: &str, value: &str, most: usize) -> Result<(), InvalidRecord> {
    let problem = if value.is_empty() {
        "is empty".to_owned()
    } else if value.chars().count() > most {
        format!("has more than {most} characters")
    } else if value.chars().any(char::is_control) {
        "contains a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(InvalidRecord { field: field.to_owned(), problem })
}
