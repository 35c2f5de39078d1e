//! `POST /feedback`: the true labels of predictions, whenever they become known.
//!
//! Rule of thumb: a label is never refused because its prediction is not there; it may be on its way.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use jiff::Timestamp;
use monitoring::ApiError;
use prediction_record::{Invalid, MAX_ID_CHARS, MAX_LABEL_CHARS};
use tracing::info;

use super::records::{self, Item};
use crate::app::App;
use crate::openapi::Telling;
use crate::refusal::refusal;
use crate::store::Accepted;
use crate::store::labels::{self, Label};
use crate::store::row::floor_microseconds;
use crate::upkeep::FeedbackOutcome;

/// Labels of one request. Each costs some look-ups, during which nobody else's records are written.
const MOST: usize = 1_000;

/// Stores one true label, a JSON array of them, or NDJSON
///
/// A label may come before its prediction. The latest of a prediction wins.
#[utoipa::path(
    post,
    path = "/feedback",
    operation_id = "feedback",
    tag = "records",
    request_body(content(
        (ref("#/components/schemas/Labels") = "application/json", example = crate::openapi::examples::label),
        (ref("#/components/schemas/Lines") = "application/x-ndjson", example = crate::openapi::examples::label_lines)
    )),
    responses((status = 200, description = "What became of them", body = Accepted), Telling)
)]
pub(crate) async fn feedback(State(app): State<App>, request: Request<Body>) -> Result<Json<Accepted>, ApiError> {
    let (headers, body) = super::body(&app, request).await?;
    let given: Vec<Label> = records::parse(&headers, &body, MOST)?;
    let weight = given.len();
    let stored = app
        .store
        .write(weight, move |tx| labels::add(tx, &given, floor_microseconds(Timestamp::now())))
        .await
        .map_err(refusal)?;
    app.upkeep.feedback(FeedbackOutcome::Accepted, stored.accepted);
    app.upkeep.feedback(FeedbackOutcome::Duplicate, stored.duplicates);
    info!(accepted = stored.accepted, duplicates = stored.duplicates, "labels_stored");
    Ok(Json(stored))
}

impl Item for Label {
    fn check(&self) -> Result<(), Invalid> {
        text("request_id", &self.request_id, MAX_ID_CHARS)?;
        text("label", &self.label, MAX_LABEL_CHARS)?;
        self.source.as_deref().map_or(Ok(()), |source| text("source", source, MAX_LABEL_CHARS))
    }
}

fn text(field: &str, value: &str, most: usize) -> Result<(), Invalid> {
    let problem = if value.is_empty() {
        "is empty".to_owned()
    } else if value.chars().count() > most {
        format!("has more than {most} characters")
    } else if value.chars().any(char::is_control) {
        "contains a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(Invalid { field: field.to_owned(), problem })
}
