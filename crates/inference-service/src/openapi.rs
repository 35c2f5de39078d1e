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
use crate::{dialects, model_listing, oip, pages, predict};

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
        oip::repository::unload,
        dialects::v1::models::server,
        dialects::v1::models::models,
        dialects::v1::models::model,
        dialects::v1::predict::predict,
        dialects::invocations::invoke::invocations,
        dialects::invocations::probes::ping,
        dialects::invocations::probes::version,
        pages::models::models,
        pages::model::model,
        pages::file
    ),
    components(schemas(PredictMembers, HealthDetails)),
    tags(
        (name = "predictions", description = "The service's own way to ask."),
        (name = "Open Inference Protocol", description = "What clients of Triton, KServe and others speak."),
        (name = "MLflow and SageMaker", description = "What clients of `mlflow models serve` and of SageMaker's containers speak."),
        (name = "TensorFlow Serving and KServe V1", description = "What clients of TensorFlow Serving, KServe V1 and Vertex AI speak."),
        (name = "pages", description = "The same for people, in a browser."),
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
    let predict_of_version = PathAlias {
        path: "/v1/models/{model}/versions/{version}".to_owned(),
        like: "/v1/models/{model}".to_owned(),
        id_suffix: "OfVersion",
    };
    let mut document =
        describe(InferenceService::openapi(), schemas::schemas(), &[&of_version[..], &[predict_of_version]].concat());
    // Of a path with a version, it is the version that ends in `:predict`.
    for (position, (description, example)) in
        [("Name of the model", "cifar10"), ("Version of the model, and `:predict`", "1:predict")]
            .into_iter()
            .enumerate()
    {
        let parameters = &mut document["paths"]["/v1/models/{model}/versions/{version}"]["post"]["parameters"];
        let mut in_path = parameters.as_array_mut().into_iter().flatten().filter(|parameter| parameter["in"] == "path");
        if let Some(parameter) = in_path.nth(position) {
            parameter["description"] = description.into();
            parameter["example"] = example.into();
        }
    }
    // A form may have parts of any name that its head can hold as it is.
    document["components"]["schemas"]["PredictForm"]["propertyNames"] = json!({ "pattern": "^[A-Za-z0-9_.-]+$" });
    // The derived schema of a version as a number cannot say how large it may be.
    let version = "/components/schemas/PredictMembers/properties/version/oneOf/0/oneOf/1";
    if let Some(number) = document.pointer_mut(version) {
        number["maximum"] = u32::MAX.into();
    }
    document
}
