//! `POST /cloudevents`: predictions from the events of KServe's payload logger.
//!
//! A request and its response come as two events, in either order. The first one waits in the database; the second one
//! makes the predictions. A response whose request never comes makes them alone when its waiting time is over.
//!
//! Rule of thumb: an event is forgotten only after its predictions are durable. The events of a batch are independent of
//! each other: the others are stored even if one is refused.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode, LabelEnum as _};
use prediction_record::{ModelDeclaration, PredictionRecord};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use super::body::ReceivedBody;
use crate::app::App;
use crate::cloudevents::{CloudEvent, EventError, EventKind, EventRefusal, ParsedEvent, pair, parse};
use crate::metrics::upkeep::EventOutcome;
use crate::openapi::examples;
use crate::openapi::refusal_sets::EventRefusals;
use crate::refusal::refusal;
use crate::store::events::{self, EventMeeting, ExpiredEvent, WaitingEvent};
use crate::store::time::floor_microseconds;
use crate::store::{StoreError, declarations};

/// What became of the events of a request.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventsTaken {
    /// Events of the request.
    events: usize,
    /// Predictions that these events completed.
    predictions: usize,
    /// Events that are stored, or were there already.
    accepted: usize,
    /// Events that are not stored.
    refused: Vec<RefusedEvent>,
}

/// An event that is not stored.
#[derive(Serialize, ToSchema)]
struct RefusedEvent {
    /// Its position in the batch.
    index: usize,
    /// The kind of reason, one of a few words.
    #[schema(example = "unknown_type")]
    code: &'static str,
    /// What is wrong with it.
    error: String,
}

/// Takes what KServe's payload logger sends
///
/// A CloudEvent or a batch of them, packed with gzip or not. In binary mode the body is the payload alone, of whatever
/// content type, and the event's attributes stand in headers. KServe's agent knows no other success than 200.
///
/// One bad event of a batch keeps no other out: the answer is 200 as soon as one of them is stored, and lists those that
/// are not. It is a refusal only where none is.
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
    let body = ReceivedBody::receive(&app, request).await?;
    let events = body.off_worker_if_large(|| parse(&body.headers, &body.bytes)).map_err(|error| {
        count_refusal(&app, &error);
        refused_whole(&error)
    })?;
    let mut taken = EventsTaken { events: events.len(), predictions: 0, accepted: 0, refused: Vec::new() };
    let mut declared = Declarations::default();
    let mut first_refusal = None;
    for (index, event) in events.into_iter().enumerate() {
        let outcome = match event {
            Ok(event) => take(&app, &mut declared, event).await,
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(predictions) => {
                taken.accepted += 1;
                taken.predictions += predictions;
            }
            // The sender does not repeat a batch that was refused, so the other events are taken all the same.
            Err(TakeEventError::Event(error)) => {
                count_refusal(&app, &error);
                let code = error.refusal().as_str();
                taken.refused.push(RefusedEvent { index, code, error: format!("The event is refused: {error}.") });
                first_refusal.get_or_insert(error);
            }
            // It does repeat what could not be stored for now; the events before this one are duplicates then.
            Err(TakeEventError::Store(error)) => return Err(refusal(error)),
        }
    }
    match (taken.refused.first(), first_refusal) {
        (Some(first), Some(error)) if taken.accepted == 0 => {
            let refusal = refused_whole(&error).detail("event", first.index);
            Err(refusal.detail("accepted", 0).detail("refused", serde_json::json!(taken.refused)))
        }
        _ => Ok(Json(taken)),
    }
}

fn count_refusal(app: &App, error: &EventError) {
    app.upkeep.count_event(EventOutcome::Unreadable);
    app.upkeep.count_event_refusal(error.refusal());
}

/// The refusal of a request of which nothing is stored.
fn refused_whole(error: &EventError) -> ApiError {
    let is_too_large = error.refusal() == EventRefusal::TooLarge;
    let code = if is_too_large { ErrorCode::TooLarge } else { ErrorCode::InvalidInput };
    ApiError::new(code, format!("The CloudEvent is refused: {error}."))
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
            match become_predictions(app, &event).await {
                Ok(()) => {}
                // It would be unreadable the next time as well, and keep all later ones out.
                Err(TakeEventError::Event(problem)) => {
                    count_refusal(app, &problem);
                    warn!(%problem, "cloudevent_unreadable");
                }
                Err(TakeEventError::Store(error)) => return Err(error),
            }
        }
        app.store.write(0, move |tx| events::forget(tx, &pair_key, &kind)).await?;
    }
    Ok(())
}

/// Stores the predictions of a response whose request has not come.
async fn become_predictions(app: &App, event: &str) -> Result<(), TakeEventError> {
    let response = CloudEvent::from_json(event)?;
    let model = response.model()?;
    let declared = Declarations::default().of(app, model).await?.clone();
    app.store.submit(pair(None, &response, &declared)?).await?;
    Ok(())
}

/// What is declared about the models of one request's events.
#[derive(Default)]
struct Declarations(BTreeMap<String, ModelDeclaration>);

impl Declarations {
    /// What is declared about a model. It is read by the writer, because a reader may be refused while long questions run,
    /// and a logger of KServe sends nothing twice.
    async fn of(&mut self, app: &App, model: String) -> Result<&ModelDeclaration, StoreError> {
        if !self.0.contains_key(&model) {
            let name = model.clone();
            let read = move |tx: &mut dyn crate::store::WriteTransaction| declarations::effective(tx, Some(&name));
            let found = app.store.write(0, read).await?.remove(&model).unwrap_or_default();
            self.0.insert(model.clone(), found);
        }
        Ok(self.0.entry(model).or_default())
    }
}

/// Why an event is not taken.
#[derive(Debug, thiserror::Error)]
enum TakeEventError {
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for TakeEventError {
    fn from(error: StoreError) -> Self {
        match error {
            // These would be refused at every repetition.
            StoreError::Refused(_) => Self::Event(EventError::Unstorable),
            StoreError::BatchTooLarge { .. } => Self::Event(EventError::TooManyRows),
            error => Self::Store(error),
        }
    }
}

/// Stores the predictions of an event and its counterpart, or lets the event wait; returns how many were stored.
async fn take(app: &App, declarations: &mut Declarations, event: ParsedEvent) -> Result<usize, TakeEventError> {
    let event = match (event.event.kind, event.event.model()) {
        (EventKind::Response, model) => {
            let declared = declarations.of(app, model?).await?;
            let event = event.with_features(declared);
            // A response without readable predictions is refused now, and not when its request comes.
            pair(None, &event, declared)?;
            event
        }
        (EventKind::Request, Ok(model)) => event.with_features(declarations.of(app, model).await?),
        // Its response may name the model.
        (EventKind::Request, Err(_)) => event.with_features(&ModelDeclaration::default()),
    };
    let waiting = WaitingEvent { pair_key: event.pair_key(), kind: event.kind.as_str(), event: event.to_json()? };
    let (pair_key, counterpart) = (waiting.pair_key.clone(), event.kind.counterpart().as_str());
    let now = floor_microseconds(Timestamp::now());
    match app.store.write(0, move |tx| events::meet(tx, &waiting, counterpart, now)).await? {
        EventMeeting::Waits => app.upkeep.count_event(EventOutcome::Waiting),
        EventMeeting::WaitedAlready => app.upkeep.count_event(EventOutcome::Duplicate),
        EventMeeting::Counterpart(json) => {
            let counterpart_event = CloudEvent::from_json(&json)?;
            let (request, response) = match event.kind {
                EventKind::Request => (&event, &counterpart_event),
                EventKind::Response => (&counterpart_event, &event),
            };
            let declared = declarations.of(app, response.model()?).await?;
            let records: Vec<PredictionRecord> = pair(Some(request), response, declared)?;
            let stored = app.store.submit(records).await?;
            app.upkeep.count_event(if stored.accepted > 0 { EventOutcome::Stored } else { EventOutcome::Duplicate });
            app.store.write(0, move |tx| events::forget(tx, &pair_key, counterpart)).await?;
            return Ok(usize::try_from(stored.accepted).unwrap_or(usize::MAX));
        }
    }
    Ok(0)
}
