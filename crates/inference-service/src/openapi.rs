//! What the service answers, in OpenAPI: `GET /openapi.json`, and `GET /docs` to read it.
//!
//! Rule of thumb: what a handler takes and gives stands at the handler, and its schemas are derived from the types that are
//! read and sent. Here are the examples, and the few schemas that say more than their types.

pub(crate) mod bytes;
pub(crate) mod examples;
mod schemas;

use monitoring::{PathAlias, describe};
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::predict::content_type::PredictMembers;
use crate::status::HealthDetails;
use crate::{model_listing, oip, predict};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Glasshouse inference service",
        description = "Serves ONNX models. A refusal always is `{\"error\": …, \"code\": …, \"request_id\": …}`."
    ),
    paths(
        predict::predict,
        model_listing::models,
        oip::server::server,
        oip::server::live,
        oip::server::ready,
        oip::repository::index,
        oip::models::metadata,
        oip::models::ready,
        oip::models::config,
        oip::infer::infer,
        oip::statistics::of_all,
        oip::statistics::of_model,
        oip::repository::load,
        oip::repository::unload
    ),
    components(schemas(PredictMembers, HealthDetails)),
    tags(
        (name = "predictions", description = "The service's own way to ask."),
        (name = "Open Inference Protocol", description = "What clients of Triton, KServe and others speak."),
        (name = "administration", description = "At a listener of its own."),
    )
)]
struct InferenceService;

/// The service's description.
pub(crate) fn description() -> Value {
    let of_version = ["", "/ready", "/config", "/stats", "/infer"].map(|rest| PathAlias {
        path: format!("/v2/models/{{model}}/versions/{{version}}{rest}"),
        like: format!("/v2/models/{{model}}{rest}"),
        id_suffix: "OfVersion",
    });
    let mut document = describe(InferenceService::openapi(), schemas::schemas(), &of_version);
    // A form may have parts of any name that its head can hold as it is.
    document["components"]["schemas"]["PredictForm"]["propertyNames"] = json!({ "pattern": "^[A-Za-z0-9_.-]+$" });
    // The derived schema of a version as a number cannot say how large it may be.
    let version = "/components/schemas/PredictMembers/properties/version/oneOf/0/oneOf/1";
    if let Some(number) = document.pointer_mut(version) {
        number["maximum"] = u32::MAX.into();
    }
    document
}
