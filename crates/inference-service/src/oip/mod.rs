//! The Open Inference Protocol: what clients of Triton, KServe and others speak. Over HTTP it is `/v2/…`; [`grpc`] is
//! the same over gRPC.
//!
//! One request's way: [`infer`] → `json` (and tensors behind it) → `request` → `predict` → `output` → `response`.
//!
//! Rule of thumb: the protocol is another way to ask the same models. Metrics, log and prediction log show its requests as
//! they show those of `POST /predict`.

pub(crate) mod grpc;
pub(crate) mod infer;
mod input;
mod json;
pub(crate) mod metadata;
pub(crate) mod models;
mod output;
mod path;
mod refusal;
pub(crate) mod repository;
mod request;
mod response;
pub(crate) mod server;
pub(crate) mod statistics;
mod tags;
mod tensors;

use monitoring::Routes;

use crate::app::App;

/// Everything under `/v2`.
pub(crate) fn routes() -> Routes<App> {
    let mut routes = Routes::new()
        .get("/v2", server::server)
        .get("/v2/health/live", server::live)
        .get("/v2/health/ready", server::ready)
        .post("/v2/repository/index", repository::index)
        .post("/v2/repository/models/{model}/load", repository::refuse_order)
        .post("/v2/repository/models/{model}/unload", repository::refuse_order);
    for model in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
        routes = routes
            .get(model, models::metadata)
            .get(&format!("{model}/ready"), models::ready)
            .get(&format!("{model}/config"), models::config)
            .get(&format!("{model}/stats"), statistics::of_model)
            .post(&format!("{model}/infer"), infer::infer);
    }
    routes.get("/v2/models/stats", statistics::of_all)
}

/// What administrators ask, at a listener of their own.
pub(crate) fn admin_routes() -> Routes<App> {
    Routes::new()
        .post("/v2/repository/index", repository::index)
        .post("/v2/repository/models/{model}/load", repository::load)
        .post("/v2/repository/models/{model}/unload", repository::unload)
}
