//! `POST /cloudevents`: what KServe's payload logger sends, as predictions.
//!
//! A request and its response come as two events, in either order. The first waits in the database; the second makes
//! the predictions. A response whose request never comes makes them alone, when its time is over.
//!
//! Rule of thumb: an event is forgotten only after its predictions are durable. The events of a batch have nothing to do
//! with each other: one that is refused keeps none of the others out.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::PredictionRecord;
use serde_json::{Value, json};
use tracing::warn;

use crate::app::App;
use crate::cloudevents::{CloudEvent, EventError, Kind, pair, parse};
use crate::openapi::TellingEvents;
use crate::refusal::refusal;
use crate::store::StoreError;
use crate::store::events::{self, Meeting, Waiting};
use crate::store::row::floor_microseconds;
use crate::upkeep::EventOutcome;

/// Takes what KServe's payload logger sends
///
/// A CloudEvent or a batch of them, packed with gzip or not. In binary mode the body is the payload alone, of whatever
/// content type, and the event's attributes stand in headers. KServe's agent knows no other success than 200.
#[utoipa::path(
    post,
    path = "/cloudevents",
    operation_id = "cloudevents",
    tag = "records",
    params(
        ("ce-specversion" = Option<String>, Header, description = "`1.0`, where attributes stand in headers"),
        ("ce-id" = Option<String>, Header, description = "The id that request and response have in common"),
        ("ce-source" = Option<String>, Header, description = "Who sends it"),
        ("ce-type" = Option<String>, Header, description = "`org.kubeflow.serving.inference.request` or `….response`")
    ),
    request_body(content(
        (
            ref("#/components/schemas/CloudEvent") = "application/cloudevents+json",
            example = crate::openapi::examples::event
        ),
        (
            ref("#/components/schemas/CloudEvents") = "application/cloudevents-batch+json",
            example = crate::openapi::examples::events
        )
    )),
    responses(
        (status = 200, description = "What became of them", body = ref("#/components/schemas/EventsTaken")),
        TellingEvents
    )
)]
pub(crate) async fn cloudevents(State(app): State<App>, request: Request<Body>) -> Result<Json<Value>, ApiError> {
    let (headers, body) = super::body(&app, request).await?;
    let unreadable = |error: EventError| {
        app.upkeep.event(EventOutcome::Unreadable);
        let code = if error == EventError::TooLarge { ErrorCode::TooLarge } else { ErrorCode::InvalidInput };
        ApiError::new(code, format!("The CloudEvent is refused: {error}."))
    };
    let found = parse(&headers, &body).map_err(unreadable)?;
    let mut predictions = 0;
    let mut refused = None;
    for (position, event) in found.iter().enumerate() {
        match take(&app, event).await {
            Ok(records) => predictions += records,
            // The sender does not send again what was refused, so the others are taken all the same.
            Err(Problem::Event(error)) => {
                let error = unreadable(error).detail("event", position);
                refused.get_or_insert(error);
            }
            Err(Problem::Store(error)) => return Err(refusal(error)),
        }
    }
    match refused {
        Some(error) => Err(error.detail("predictions", predictions)),
        None => Ok(Json(json!({ "events": found.len(), "predictions": predictions }))),
    }
}

/// Makes predictions of the responses that have waited too long, and forgets the requests.
///
/// # Errors
/// The store's.
pub(crate) async fn expire(app: &App, until: i64) -> Result<(), StoreError> {
    for (pair_key, kind, json) in app.store.read(move |session| events::expired(session, until)).await? {
        app.upkeep.event(EventOutcome::Expired);
        if kind == name(Kind::Response) {
            match CloudEvent::from_json(&json).and_then(|response| pair(None, &response)) {
                Ok(records) => drop(app.store.submit(records).await?),
                Err(problem) => warn!(%problem, "cloudevent_unreadable"),
            }
        }
        app.store.write(0, move |tx| events::forget(tx, &pair_key, &kind)).await?;
    }
    Ok(())
}

enum Problem {
    Event(EventError),
    Store(StoreError),
}

impl From<EventError> for Problem {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Lets an event wait, or stores the predictions of the pair; gives how many.
async fn take(app: &App, event: &CloudEvent) -> Result<usize, Problem> {
    if event.kind == Kind::Response {
        // What no prediction can be read from is refused now, and not when its counterpart comes.
        pair(None, event)?;
    }
    let waiting = Waiting { pair_key: event.pair_key(), kind: name(event.kind), event: event.to_json()? };
    let (pair_key, counterpart) = (waiting.pair_key.clone(), name(other(event.kind)));
    let now = floor_microseconds(Timestamp::now());
    match app.store.write(0, move |tx| events::meet(tx, &waiting, counterpart, now)).await? {
        Meeting::Waits => app.upkeep.event(EventOutcome::Waiting),
        Meeting::WaitedAlready => app.upkeep.event(EventOutcome::Duplicate),
        Meeting::Counterpart(json) => {
            let records = paired(event, &CloudEvent::from_json(&json)?)?;
            let stored = app.store.submit(records).await?;
            app.upkeep.event(if stored.accepted > 0 { EventOutcome::Stored } else { EventOutcome::Duplicate });
            app.store.write(0, move |tx| events::forget(tx, &pair_key, counterpart)).await?;
            return Ok(usize::try_from(stored.accepted).unwrap_or(usize::MAX));
        }
    }
    Ok(0)
}

fn paired(event: &CloudEvent, counterpart: &CloudEvent) -> Result<Vec<PredictionRecord>, EventError> {
    match event.kind {
        Kind::Request => pair(Some(event), counterpart),
        Kind::Response => pair(Some(counterpart), event),
    }
}

fn other(kind: Kind) -> Kind {
    match kind {
        Kind::Request => Kind::Response,
        Kind::Response => Kind::Request,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "request",
        Kind::Response => "response",
    }
}
