//! Stores predictions durably, and answers questions about them.
//!
//! A record's way: [`run`] → `ingest::log` → [`store::Store::submit`] → commit → acknowledgement.
//!
//! **Architecture Invariant:** this crate does not know the inference service. Any client may post records.

pub mod analysis;
mod app;
pub mod cloudevents;
pub mod command;
pub mod config;
mod erase_command;
mod erasure;
mod evaluation;
pub mod export;
mod ingest;
pub mod lake;
mod metrics;
mod openapi;
mod pages;
pub mod past;
mod queries;
mod refusal;
mod report_command;
mod report_options;
pub mod store;
mod tables;
mod upkeep;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use monitoring::{
    Doors, Drain, Entrance, HealthReport, HttpSetupError, Instrumentation, MemoryRoom, MetricsError, MetricsRegistry,
    Readiness, Routes, Security, SecurityError, Traces, TracesError, docs_routes, health_routes, metrics_route,
};
use tokio::net::TcpListener;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{info, warn};

use app::App;
use config::Config;
use evaluation::Evaluator;
use lake::{Lake, LakeUrlError};
use metrics::commits::{LogMetrics, LogMetricsError};
use metrics::lake::LakeMetrics;
use metrics::server;
use metrics::upkeep::UpkeepMetrics;
use store::{Store, StoreError, StoreOptions};
use upkeep::UpkeepTasks;

/// The service's name in logs and metrics.
pub const SERVICE: &str = "logging-service";

/// How long requests may still take after the listener is closed.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);

/// Why the service cannot start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum RunServiceError {
    /// The store cannot be started. A database that is away is not a reason: the store waits for it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Starting the store was interrupted.
    #[error(transparent)]
    Interrupted(#[from] JoinError),
    /// A metric could not be registered.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The log's metrics could not be set up.
    #[error(transparent)]
    LogMetrics(#[from] LogMetricsError),
    /// Keys or certificates cannot be used.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The HTTP layer could not be set up.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// The lake cannot be opened as it is configured.
    #[error("the lake cannot be opened: {0}")]
    Lake(#[from] LakeUrlError),
    /// Traces cannot be exported as the environment asks.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] io::Error),
}

/// Serves on `listener` until `shutdown` completes, every accepted request is answered, and every
/// acknowledged record is in the database file.
///
/// # Errors
/// [`RunServiceError`].
pub async fn run(
    config: Config,
    listener: TcpListener,
    registry: MetricsRegistry,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunServiceError> {
    let readiness = Readiness::starting();
    let notice = Duration::from_secs_f64(config.drain_seconds);
    let drain = Drain { readiness: readiness.clone(), notice, patience: DRAIN_PATIENCE };
    let traces = Traces::from_environment(SERVICE, env!("CARGO_PKG_VERSION"), &registry)?;
    let security = Security::start(&config.security, &registry)?;
    let doors = Doors::new(&config.connections, 1, &registry)?;
    let (store, commits) = start_store(&config, &registry).await?;
    warn_of_wide_modes(&config);
    let try_every = Duration::try_from_secs_f64(config.detector_hours * 3_600.0).unwrap_or(Duration::MAX);
    let lake = open_lake(&config, listener.local_addr()?.port())?;
    let app = App {
        room: MemoryRoom::register(monitoring::room_bytes(config.memory_room), &registry)?,
        config: Arc::new(config),
        store: store.clone(),
        commits,
        upkeep: Arc::new(UpkeepMetrics::register(&registry)?),
        access: security.access.clone(),
        evaluator: Arc::new(Evaluator::register(&registry, try_every)?),
        lake,
        lake_metrics: Arc::new(LakeMetrics::register(&registry)?),
    };
    let instrumentation = Instrumentation::register(&registry, readiness.clone(), security.access)?.within(&app.room);
    let routes = routes(&app, &registry, &readiness).traced(&traces).open_to(&app.config.cors_origins);
    let routes = routes
        .written_by_own_pages(&app.config.page_hosts)
        .refused_as_pages(pages::REFUSALS)
        .labelled_at(&["/feedback", "/ui/label"]);
    let router = instrumentation.around(routes)?;
    info!(address = %listener.local_addr()?, "listening");
    readiness.set_ready();
    let upkeep = UpkeepTasks::start(&app);
    let refusals = instrumentation.head_refusals(&app.config.cors_origins);
    let entrance = Entrance { tls: security.tls, refusals, doors, ..listener.into() };
    let served = monitoring::serve(entrance, router, drain, shutdown).await;
    drop(upkeep);
    tokio::join!(store.close(), traces.close());
    info!("stopped");
    Ok(served?)
}

/// Warns where others can read what is stored.
fn warn_of_wide_modes(config: &Config) {
    let mut files = config.database().files();
    files.extend(config.backup_dir.iter().chain(&config.lake_settings_file).cloned());
    monitoring::warn_of_wide_modes(files.iter().map(PathBuf::as_path));
}

/// Opens the lake, if there is to be one. A bucket that is away is not a reason to stop: days wait for it.
fn open_lake(config: &Config, port: u16) -> Result<Option<Arc<Lake>>, RunServiceError> {
    let Some(url) = &config.lake else { return Ok(None) };
    let store = url.open(config.lake_settings_file.as_deref())?;
    let options = config.lake_options(&port.to_string());
    info!(lake = %url, "lake_opened");
    Ok(Some(Arc::new(Lake::new(store, options))))
}

async fn start_store(
    config: &Config,
    registry: &MetricsRegistry,
) -> Result<(Arc<Store>, Arc<LogMetrics>), RunServiceError> {
    let metrics = Arc::new(LogMetrics::register(registry)?);
    let options = StoreOptions {
        queue_limit: config.queue_limit as usize,
        retention_days: config.retention_days,
        ..StoreOptions::new(config.database().clone())
    };
    let observer = metrics.clone();
    let store = Arc::new(spawn_blocking(|| Store::start(options, observer)).await??);
    LogMetrics::register_store(registry, &store)?;
    server::register(registry, &store)?;
    match async {
        store.follow_declarations().await?;
        store.models().await
    }
    .await
    {
        Ok(models) => models.iter().for_each(|model| metrics.expose(model)),
        // Their series appear with the first record of each model instead.
        Err(problem) => warn!(%problem, "the models in the database are not known yet"),
    }
    Ok((store, metrics))
}

/// Every route of the service.
fn routes(app: &App, registry: &MetricsRegistry, readiness: &Readiness) -> Routes {
    let store = app.store.clone();
    Routes::new()
        .post("/log", ingest::log::log)
        .post("/feedback", ingest::feedback::feedback)
        .post("/cloudevents", ingest::events::cloudevents)
        .get("/predictions", queries::predictions::predictions)
        .get("/predictions/{event_id}", queries::predictions::prediction)
        .get("/stats", queries::stats::stats)
        .get("/export", queries::export::export)
        .get("/drift", queries::drift::drift)
        .get("/quality", queries::quality::quality)
        .get("/drift/reference", queries::references::references)
        .put("/drift/reference", queries::references::put_reference)
        .delete("/drift/reference/{model}", queries::references::delete_reference)
        .post("/drift/reference", queries::references::take_reference)
        .get("/models", queries::models::models)
        .get("/models/{model}", queries::models::model)
        .put("/models/{model}", queries::models::put_model)
        .delete("/models/{model}", queries::models::delete_model)
        .with_state(app.clone())
        .merge(pages::routes(app))
        .merge(health_routes(readiness.clone(), move || health(&store)))
        .merge(metrics_route(registry))
        .merge(docs_routes(&openapi::description()))
}

fn health(store: &Store) -> HealthReport {
    let available = store.is_available();
    HealthReport {
        problem: (!available).then(|| "The database cannot be written.".to_owned()),
        details: vec![
            ("database", if available { "available" } else { "unavailable" }.into()),
            ("queue_depth", store.queue_depth().into()),
        ],
    }
}
