//! `/v1/models`: TensorFlow Serving, KServe V1 and Vertex AI.
//!
//! Rule of thumb: TensorFlow's text says what a request and an answer look like; KServe's and Vertex AI's clients send the
//! same. Where a route's answer differs among them, the answer has the members of both.

pub(crate) mod models;
mod path;
pub(crate) mod predict;

use monitoring::Routes;

use crate::app::App;

/// The routes of these servers.
pub(super) fn routes() -> Routes<App> {
    Routes::new()
        .get("/", models::server)
        .get("/v1/models", models::models)
        .get("/v1/models/{model}", models::model)
        .post("/v1/models/{model}", predict::predict)
        .get("/v1/models/{model}/versions/{version}", models::model)
        .post("/v1/models/{model}/versions/{version}", predict::predict)
}
