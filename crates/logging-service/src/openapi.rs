//! The service's description in OpenAPI: `GET /openapi.json`, and `GET /docs` to read it.
//!
//! Rule of thumb: a handler describes what it takes and gives, and the types of the bodies derive their schemas. This
//! module puts them together; the files below hold the shared refusals, the examples, and the schemas without a type.

pub(crate) mod examples;
pub(crate) mod refusal_sets;
pub(crate) mod text_bodies;
mod untyped;

use monitoring::describe;
use serde_json::Value;
use utoipa::OpenApi;

use crate::store::labels::TrueLabel;
use crate::{ingest, pages, queries};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Glasshouse logging service",
        description = "Keeps every prediction, and answers questions about them. A refusal always is \
                       `{\"error\": …, \"code\": …, \"request_id\": …}`."
    ),
    paths(
        ingest::log::log,
        ingest::feedback::feedback,
        ingest::events::cloudevents,
        queries::predictions::predictions,
        queries::predictions::prediction,
        queries::stats::stats,
        queries::export::export,
        queries::drift::drift,
        queries::quality::quality,
        queries::references::references,
        queries::references::put_reference,
        queries::references::delete_reference,
        queries::references::take_reference,
        queries::models::models,
        queries::models::model,
        queries::models::put_model,
        queries::models::delete_model,
        pages::home,
        pages::overview::overview,
        pages::predictions::predictions,
        pages::prediction::prediction,
        pages::label::label,
        pages::label::give_label,
        pages::login::login,
        pages::login::log_in,
        pages::login::log_out,
        pages::quality::quality,
        pages::drift::drift,
        pages::compare::compare,
        pages::data::data,
        pages::report::report,
        pages::file
    ),
    components(schemas(TrueLabel, prediction_record::PredictionRecord)),
    tags(
        (name = "records", description = "What comes in: predictions, their true labels, KServe's events."),
        (name = "questions", description = "What was predicted."),
        (name = "models", description = "What is declared about the models."),
        (name = "pages", description = "The same for people, in a browser."),
        (name = "drift and quality", description = "Whether a model's input has changed, and whether it was right."),
    )
)]
struct LoggingService;

/// The service's description.
pub(crate) fn description() -> Value {
    let mut document = describe(LoggingService::openapi(), untyped::schemas(), &[]);
    // The two operations share the filters; each refuses the parameters that belong to the other.
    let of_export = &["format", "safe"][..];
    for (path, refused) in [
        ("/predictions", of_export),
        ("/ui/predictions", of_export),
        ("/ui/data", &["limit", "cursor", "labelled"]),
        ("/ui/label", &["format", "safe", "status", "labelled", "limit", "cursor"]),
        ("/export", &["limit", "cursor", "labelled"]),
    ] {
        if let Value::Array(parameters) = &mut document["paths"][path]["get"]["parameters"] {
            parameters.retain(|parameter| refused.iter().all(|name| parameter["name"] != *name));
        }
    }
    document
}
