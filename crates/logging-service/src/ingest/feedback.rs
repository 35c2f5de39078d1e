//! `POST /feedback`: the true labels of predictions, whenever they become known.
//!
//! Rule of thumb: a label is never refused because its prediction is not there; it may be on its way.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::{InvalidRecord, MAX_ID_CHARS, MAX_LABEL_CHARS, MAX_NAME_CHARS};
use serde_json::json;
use tracing::info;
use uuid::Uuid;

use super::body::ReceivedBody;
use super::items::{BodyItem, parse_items};
use crate::app::App;
use crate::metrics::upkeep::FeedbackOutcome;
use crate::openapi::examples;
use crate::openapi::refusal_sets::IngestRefusals;
use crate::openapi::text_bodies::Lines;
use crate::refusal::refusal;
use crate::store::LabelAcknowledgement;
use crate::store::labels::{self, TrueLabel};
use crate::store::time::{CLOCK_TOLERANCE, floor_microseconds};

/// The most labels of one request. Each costs some look-ups, during which no other request's records are written.
const MOST_LABELS: usize = 1_000;

/// Stores one true label, a JSON array of them, or NDJSON
///
/// A label may come before its prediction. It counts for the predictions of all models that answered the row of the
/// request, unless it names one: by `event_id`, `model`, `version` or `variant`. The latest of a prediction wins.
#[utoipa::path(
    post,
    path = "/feedback",
    operation_id = "feedback",
    tag = "records",
    request_body(content(
        (ref("#/components/schemas/Labels") = "application/json", example = examples::label),
        (Lines = "application/x-ndjson", example = examples::label_lines)
    )),
    responses((status = 200, description = "How many were stored", body = LabelAcknowledgement), IngestRefusals)
)]
pub(crate) async fn feedback(
    State(app): State<App>,
    request: Request<Body>,
) -> Result<Json<LabelAcknowledgement>, ApiError> {
    let body = ReceivedBody::receive(&app, request).await?;
    let given: Vec<TrueLabel> = body.off_worker_if_large(|| parse_items(&body, MOST_LABELS))?;
    store(&app, given).await.map(Json)
}

/// Stores labels that were checked, and counts them.
///
/// # Errors
/// The store's refusals.
pub(crate) async fn store(app: &App, given: Vec<TrueLabel>) -> Result<LabelAcknowledgement, ApiError> {
    let weight = given.len();
    let stored = app
        .store
        .write(weight, move |tx| labels::add(tx, &given, floor_microseconds(Timestamp::now())))
        .await
        .map_err(refusal)?;
    app.upkeep.count_labels(FeedbackOutcome::Accepted, stored.accepted);
    app.upkeep.count_labels(FeedbackOutcome::Duplicate, stored.duplicates);
    let LabelAcknowledgement { accepted, duplicates, uncounted } = stored;
    info!(accepted, duplicates, uncounted, "labels_stored");
    Ok(stored)
}

/// The label that a person gives a prediction on a page.
///
/// # Errors
/// `invalid_input`, if it is no label.
pub(crate) fn label_of(event_id: Uuid, label: &str, source: &str) -> Result<TrueLabel, ApiError> {
    let label = json!({ "event_id": event_id, "label": label, "source": source });
    let label: TrueLabel = serde_json::from_value(label).map_err(ApiError::internal)?;
    let refused =
        |InvalidRecord { field, problem }| ApiError::new(ErrorCode::InvalidInput, format!("The {field} {problem}."));
    label.check().map_err(refused)?;
    Ok(label)
}

impl BodyItem for TrueLabel {
    fn check(&self) -> Result<(), InvalidRecord> {
        if self.request_id.is_none() && self.event_id.is_none() {
            let problem = "is missing, and so is event_id; a label needs one of them".to_owned();
            return Err(InvalidRecord { field: "request_id".to_owned(), problem });
        }
        let texts = [
            ("request_id", &self.request_id, MAX_ID_CHARS),
            ("model", &self.model, MAX_NAME_CHARS),
            ("version", &self.version, MAX_NAME_CHARS),
            ("variant", &self.variant, MAX_NAME_CHARS),
            ("source", &self.source, MAX_LABEL_CHARS),
        ];
        for (field, text, most) in texts {
            text.as_deref().map_or(Ok(()), |text| check_text(field, text, most))?;
        }
        // Every correction until then would count as older.
        if self.labelled_at.is_some_and(|time| time > Timestamp::now() + CLOCK_TOLERANCE) {
            return Err(InvalidRecord { field: "labelled_at".to_owned(), problem: "lies in the future".to_owned() });
        }
        check_text("label", &self.label.0, MAX_LABEL_CHARS)
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
