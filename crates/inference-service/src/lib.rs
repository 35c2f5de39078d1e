//! Serves ONNX models over HTTP and gRPC, and records every prediction.
//!
//! One prediction's way: [`run`] → `routes` → `predict::predict` (or `oip::infer`, `oip::grpc`) → `serving` → `outbox`.
//!
//! **Architecture Invariant:** this crate does not know the logging service. It posts records to a
//! URL, and no prediction waits for the answer.

mod app;
pub mod check;
pub mod config;
mod dialects;
mod error;
pub mod input;
mod log_service;
mod metrics_options;
pub mod model;
mod model_listing;
mod model_refresh;
mod notices;
mod oip;
mod openapi;
mod outbox;
mod pages;
mod predict;
mod refusals;
mod rows;
mod server;
mod serving;
mod status;

use std::time::Duration;

use monitoring::{
    Doors, Drain, Instrumentation, MetricsRegistry, Readiness, Routes, Security, Traces, docs_routes, health_routes,
    metrics_route,
};
use tokio::sync::oneshot;
use tracing::{error, info};

use app::App;
pub use app::SERVICE;
use config::Config;
pub use error::RunServiceError;
use log_service::LogService;
use model_refresh::ModelRefresher;
use notices::ModelNotices;
use oip::grpc::GrpcMetrics;
use outbox::{Outbox, StartedOutbox};
pub use server::Listeners;
use server::{ListenerRouters, Server};

/// How long running requests may take after the listener is closed; longer than any sensible deadline.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);
/// How long records may still be delivered after the last request.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(5);

/// Serves on `listeners` until `shutdown` completes and every accepted request is answered.
///
/// The ports answer at once; predictions and readiness wait until the models are loaded.
///
/// # Errors
/// [`RunServiceError`].
pub async fn run(
    config: Config,
    listeners: Listeners,
    registry: MetricsRegistry,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunServiceError> {
    let readiness = Readiness::starting();
    let notice = Duration::from_secs_f64(config.drain_seconds);
    let drain = Drain { readiness: readiness.clone(), notice, patience: DRAIN_PATIENCE };
    let traces = Traces::from_environment(SERVICE, env!("CARGO_PKG_VERSION"), &registry)?;
    let security = Security::start(&config.security, &registry)?;
    let doors = Doors::new(&config.connections, listeners.count(), &registry)?;
    let log = LogService::new(&config.log, &security.credentials)?;
    let StartedOutbox { outbox, delivery } =
        Outbox::start(&config.records, log.route("log"), &registry, &traces).await?;
    monitoring::warn_of_wide_modes([config.records.spool.as_path()]);
    let app = App::start(config, &registry, readiness.clone(), outbox)?;
    let room = app.room.clone();
    let notices = ModelNotices::register(&log, &registry, app.models.predictions())?;
    let grpc = oip::grpc::router(&app, GrpcMetrics::register(&registry, &traces)?, security.access.clone());
    let instrumentation = Instrumentation::register(&registry, readiness.clone(), security.access)?.within(&room);
    let refusals = instrumentation.head_refusals(&app.config.cors_origins);
    let http = instrumentation.around(
        routes(&app, &registry).traced(&traces).open_to(&app.config.cors_origins).refused_as_pages(pages::REFUSALS),
    )?;
    let admin = instrumentation.around(oip::admin_routes().with_state(app.clone()).traced(&traces))?;
    info!(address = %listeners.http.local_addr()?, "listening");
    let (stop, stopped) = oneshot::channel();
    let refreshing = tokio::spawn(ModelRefresher::new(app, notices).run(stopped));
    let routers = ListenerRouters { http, grpc, admin };
    let server = Server { listeners, routers, tls: security.tls, refusals, doors, drain };
    let served = server.run(shutdown).await;
    drop(stop);
    if let Err(problem) = refreshing.await {
        error!(%problem, "preparing the models ended early");
    }
    let delivered = async {
        if let Some(delivery) = delivery {
            delivery.finish(OUTBOX_PATIENCE).await;
        }
    };
    // Both at once, so that a collector that hangs adds nothing to the time that records have.
    tokio::join!(delivered, traces.close());
    info!("stopped");
    Ok(served?)
}

/// The whole surface of the service.
fn routes(app: &App, registry: &MetricsRegistry) -> Routes {
    let health = app.clone();
    Routes::new()
        .post("/predict", predict::predict)
        .merge(oip::routes())
        .merge(dialects::routes())
        .get("/models", model_listing::models)
        .merge(pages::routes())
        .with_state(app.clone())
        .merge(health_routes(app.readiness.clone(), move || status::health(&health)))
        .merge(metrics_route(registry))
        .merge(docs_routes(&openapi::description()))
}
