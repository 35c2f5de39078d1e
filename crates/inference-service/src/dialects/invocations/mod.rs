//! `POST /invocations`, `GET /ping` and `GET /version`: `mlflow models serve`, and the containers of SageMaker.

mod error_codes;
mod form;
pub(crate) mod invoke;
mod kind;
pub(crate) mod probes;
mod target;

use monitoring::Routes;

use crate::app::App;

/// The routes of these servers.
pub(super) fn routes() -> Routes<App> {
    Routes::new().post("/invocations", invoke::invocations).get("/ping", probes::ping).get("/version", probes::version)
}
