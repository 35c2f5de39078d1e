//! `POST /cloudevents`: predictions from the events of KServe's payload logger.
//!
//! A request and its response come as two events, in either order. The first one waits in the database; the second one
//! makes the predictions. A response whose request never comes makes them alone when its waiting time is over.
//!
//! Rule of thumb: an event is forgotten only after its predictions are durable. The events of a batch are independent of
//! each other: the others are stored even if one is refused.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::PredictionRecord;
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use crate::app::App;
use crate::cloudevents::{CloudEvent, EventError, EventKind, pair, parse};
use crate::metrics::upkeep::EventOutcome;
use crate::openapi::examples;
use crate::openapi::refusal_sets::EventRefusals;
use crate::refusal::refusal;
use crate::store::StoreError;
use crate::store::events::{self, EventMeeting, ExpiredEvent, WaitingEvent};
use crate::store::time::floor_microseconds;

/// What became of the events of a request.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventsTaken {
    /// Events of the request.
    events: usize,
    /// Predictions that these events completed.
    predictions: usize,
}

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
            example = examples::event
        ),
        (
            ref("#/components/schemas/CloudEvents") = "application/cloudevents-batch+json",
            example = examples::events
        )
    )),
    responses(
        (status = 200, description = "How many events were taken, and how many predictions they completed", body = EventsTaken),
        EventRefusals
    )
)]
pub(crate) async fn cloudevents(State(app): State<App>, request: Request<Body>) -> Result<Json<EventsTaken>, ApiError> {
    let body = app.bodies.receive(request).await?;
    let unreadable = |error: EventError| {
        app.upkeep.count_event(EventOutcome::Unreadable);
        let code = if error == EventError::TooLarge { ErrorCode::TooLarge } else { ErrorCode::InvalidInput };
        ApiError::new(code, format!("The CloudEvent is refused: {error}."))
    };
    let events = parse(&body.headers, &body.bytes).map_err(unreadable)?;
    let mut predictions = 0;
    let mut refused = None;
    for (position, event) in events.iter().enumerate() {
        match take(&app, event).await {
            Ok(records) => predictions += records,
            // The sender does not repeat a batch that was refused, so the other events are taken all the same.
            Err(TakeEventError::Event(error)) => {
                let error = unreadable(error).detail("event", position);
                refused.get_or_insert(error);
            }
            Err(TakeEventError::Store(error)) => return Err(refusal(error)),
        }
    }
    match refused {
        Some(error) => Err(error.detail("predictions", predictions)),
        None => Ok(Json(EventsTaken { events: events.len(), predictions })),
    }
}

/// Makes predictions of the responses that have waited since before `until`, and forgets the requests.
///
/// # Errors
/// The store's.
pub(crate) async fn expire(app: &App, until: i64) -> Result<(), StoreError> {
    let expired = app.store.read(move |session| events::expired(session, until)).await?;
    for ExpiredEvent { pair_key, kind, event } in expired {
        app.upkeep.count_event(EventOutcome::Expired);
        if kind == EventKind::Response.as_str() {
            match CloudEvent::from_json(&event).and_then(|response| pair(None, &response)) {
                Ok(records) => drop(app.store.submit(records).await?),
                Err(problem) => warn!(%problem, "cloudevent_unreadable"),
            }
        }
        app.store.write(0, move |tx| events::forget(tx, &pair_key, &kind)).await?;
    }
    Ok(())
}

/// Why an event is not taken.
#[derive(Debug, thiserror::Error)]
enum TakeEventError {
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores the predictions of an event and its counterpart, or lets the event wait; returns how many were stored.
async fn take(app: &App, event: &CloudEvent) -> Result<usize, TakeEventError> {
    if event.kind == EventKind::Response {
        // A response without readable predictions is refused now, and not when its request comes.
        pair(None, event)?;
    }
    let waiting = WaitingEvent { pair_key: event.pair_key(), kind: event.kind.as_str(), event: event.to_json()? };
    let (pair_key, counterpart) = (waiting.pair_key.clone(), event.kind.counterpart().as_str());
    let now = floor_microseconds(Timestamp::now());
    match app.store.write(0, move |tx| events::meet(tx, &waiting, counterpart, now)).await? {
        EventMeeting::Waits => app.upkeep.count_event(EventOutcome::Waiting),
        EventMeeting::WaitedAlready => app.upkeep.count_event(EventOutcome::Duplicate),
        EventMeeting::Counterpart(json) => {
            let records = paired(event, &CloudEvent::from_json(&json)?)?;
            let stored = app.store.submit(records).await?;
            app.upkeep.count_event(if stored.accepted > 0 { EventOutcome::Stored } else { EventOutcome::Duplicate });
            app.store.write(0, move |tx| events::forget(tx, &pair_key, counterpart)).await?;
            return Ok(usize::try_from(stored.accepted).unwrap_or(usize::MAX));
        }
    }
    Ok(0)
}

fn paired(event: &CloudEvent, counterpart: &CloudEvent) -> Result<Vec<PredictionRecord>, EventError> {
    match event.kind {
        EventKind::Request => pair(Some(event), counterpart),
        EventKind::Response => pair(Some(counterpart), event),
    }
}
