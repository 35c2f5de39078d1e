//! What the service answers, in OpenAPI: `GET /openapi.json`, and `GET /docs` to read it.
//!
//! Rule of thumb: what a handler takes and gives stands at the handler; here is what has no type of its own, the refusals
//! that many share, and the examples.

pub(crate) mod examples;
mod schemas;

use monitoring::{describe, refusals};
use serde_json::Value;
use utoipa::OpenApi;

use crate::analysis::ReferenceProfile;
use crate::evaluation::Evaluation;
use crate::store::labels::Label;
use crate::{ingest, queries};

refusals! {
    /// Of a question.
    pub(crate) Asking: InvalidRequest, Overloaded, NotReady, DeadlineExceeded;
    /// Of a question for one thing.
    pub(crate) AskingForOne: InvalidRequest, NotFound, Overloaded, NotReady, DeadlineExceeded;
    /// Of what is sent to be kept.
    pub(crate) Telling: InvalidRequest, TooLarge, UnsupportedMediaType, InvalidInput, Overloaded, NotReady, DeadlineExceeded;
    /// Of events, whose form is not told by the content type alone.
    pub(crate) TellingEvents: InvalidRequest, TooLarge, InvalidInput, Overloaded, NotReady, DeadlineExceeded;
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Glasshouse logging service",
        description = "Keeps every prediction, and answers questions about them. A refusal always is \
                       `{\"error\": …, \"code\": …, \"request_id\": …}`."
    ),
    paths(
        ingest::log,
        ingest::feedback::feedback,
        ingest::events::cloudevents,
        queries::predictions,
        queries::prediction,
        queries::stats,
        queries::export::export,
        queries::drift::drift,
        queries::drift::quality,
        queries::drift::references,
        queries::drift::put_reference,
        queries::drift::take_reference
    ),
    components(schemas(Evaluation, Label, ReferenceProfile, prediction_record::PredictionRecord)),
    tags(
        (name = "records", description = "What comes in: predictions, their true labels, KServe's events."),
        (name = "questions", description = "What was predicted."),
        (name = "drift and quality", description = "Whether a model's input has changed, and whether it was right."),
    )
)]
struct LoggingService;

/// The service's description.
pub(crate) fn description() -> Value {
    let mut document = describe(LoggingService::openapi(), schemas::schemas(), &[]);
    // They have the filters in common, and not the rest.
    for (path, others) in [("/predictions", &["format"][..]), ("/export", &["limit", "cursor"])] {
        if let Value::Array(parameters) = &mut document["paths"][path]["get"]["parameters"] {
            parameters.retain(|parameter| others.iter().all(|other| parameter["name"] != *other));
        }
    }
    document
}
