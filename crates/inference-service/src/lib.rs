//! Serves ONNX models over HTTP and gRPC, and records every prediction.
//!
//! One prediction's way: [`run`] → `routes` → `predict::predict` (or `oip::infer`, `oip::grpc`) → `serving` → `outbox`.
//!
//! **Architecture Invariant:** this crate does not know the logging service. It posts records to a
//! URL, and no prediction waits for the answer.

mod app;
pub mod config;
pub mod input;
mod log_service;
pub mod model;
mod oip;
mod openapi;
mod outbox;
mod predict;
mod profile;
mod serving;
mod status;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use monitoring::prediction::{PredictionMetrics, PredictionMetricsError, UNKNOWN_MODEL};
use monitoring::{
    Drain, Entrance, HttpSetupError, Instrumentation, MetricsError, MetricsRegistry, Readiness, Routes, Security,
    SecurityError, Tls, Traces, TracesError, docs_routes, health_routes, metrics_route,
};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tracing::{error, info};

use app::{App, Parts};
use config::Config;
use log_service::{LogService, LogServiceError};
use model::{ModelError, Repository, Runtime, RuntimeError};
use oip::grpc::GrpcMetrics;
use outbox::{Outbox, OutboxError};
use profile::{ProfileError, Profiles};
use serving::{Admission, InferencePool, LoadingOptions, ModelGauges, Models};

/// The service's name in logs and metrics.
pub const SERVICE: &str = "inference-service";

/// How long running requests may take after the listener is closed; longer than any sensible deadline.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);
/// How long records may still be delivered after the last request.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(5);

/// Why the service cannot start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum RunServiceError {
    /// The model repository as a whole cannot be served.
    #[error("the model repository (--models) cannot be served: {0}")]
    Repository(ModelError),
    /// What runs the models cannot be started.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A metric could not be registered.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Too many models or classes.
    #[error(transparent)]
    PredictionMetrics(#[from] PredictionMetricsError),
    /// The HTTP layer could not be set up.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// Keys or certificates cannot be used.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The logging service cannot be asked as configured.
    #[error(transparent)]
    LogService(#[from] LogServiceError),
    /// The outbox could not be set up.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Traces cannot be exported as the environment asks.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The sending of profiles could not be set up.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] io::Error),
}

/// Where the service is reached.
pub struct Listeners {
    /// HTTP, which is always there.
    pub http: TcpListener,
    /// gRPC, where it is wanted.
    pub grpc: Option<TcpListener>,
    /// HTTP for administrators, where it is wanted.
    pub admin: Option<TcpListener>,
}

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
    let drain = Drain { notice: Duration::from_secs_f64(config.drain_seconds), patience: DRAIN_PATIENCE };
    let readiness = Readiness::starting();
    let traces = Traces::from_environment(SERVICE, env!("CARGO_PKG_VERSION"), &registry)?;
    let security = Security::start(&config.security, &registry)?;
    let log = LogService::new(&config, &security.credentials)?;
    let (outbox, delivery) = Outbox::start(config.records(log.route("log")), &registry, &traces).await?;
    let profiles = Profiles::register(log.route("drift/reference"), &registry)?;
    let app = App::new(parts(config, &registry, (readiness.clone(), outbox))?);
    let grpc = oip::grpc::router(&app, GrpcMetrics::register(&registry, &traces)?, security.access.clone());
    let instrumentation = Instrumentation::register(&registry, readiness.clone(), security.access)?;
    let router = instrumentation.around(routes(&app, &registry).traced(&traces))?;
    let admin = instrumentation.around(oip::admin_routes().with_state(app.clone()).traced(&traces))?;
    info!(address = %listeners.http.local_addr()?, "listening");
    let (stop, stopped) = oneshot::channel();
    let preparing = tokio::spawn(prepare(app.clone(), profiles, stopped));
    let served = serve((listeners, security.tls), (router, grpc, admin), (readiness, drain), shutdown).await;
    drop(stop);
    if let Err(problem) = preparing.await {
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

/// Serves both protocols, and administrators, until each has answered what it accepted.
async fn serve(
    (listeners, tls): (Listeners, Tls),
    (http, grpc, admin): (Router, Router, Router),
    (readiness, drain): (Readiness, Drain),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (told, mut draining) = watch::channel(());
    let mut also_draining = draining.clone();
    let shutdown = async move {
        shutdown.await;
        drop(told);
    };
    let over_grpc = async {
        let Some(listener) = listeners.grpc else { return Ok(()) };
        let stop = async {
            // Nothing is ever sent. The other end is dropped at the shutdown, and where HTTP fails before.
            let _ = draining.changed().await;
            sleep(drain.notice).await;
        };
        let entrance = Entrance { listener, encryption: tls.grpc };
        oip::grpc::serve(entrance, grpc, drain.patience, stop).await
    };
    let administered = async {
        let Some(listener) = listeners.admin else { return Ok(()) };
        info!(address = %listener.local_addr()?, "listening_admin");
        let stop = async move {
            let _ = also_draining.changed().await;
        };
        let entrance = Entrance { listener, encryption: tls.http.clone() };
        monitoring::serve(entrance, admin, (readiness.clone(), drain), stop).await
    };
    let entrance = Entrance { listener: listeners.http, encryption: tls.http.clone() };
    let over_http = monitoring::serve(entrance, http, (readiness.clone(), drain), shutdown);
    let (http, grpc, admin) = tokio::join!(over_http, over_grpc, administered);
    http.and(grpc).and(admin)
}

fn parts(
    config: Config,
    registry: &MetricsRegistry,
    (readiness, outbox): (Readiness, Outbox),
) -> Result<Parts, RunServiceError> {
    let repository = Repository::scan(&config.models).map_err(RunServiceError::Repository)?;
    let predictions = PredictionMetrics::register(registry)?;
    let (threads, queue_limit) = (config.threads(), config.queue_limit as usize);
    let runtime = Runtime::start(config.engine, config.onnxruntime_library.as_deref())?;
    let loading = LoadingOptions { folder: config.models.clone(), runtime, threads };
    let unknown_model = predictions.model::<&str>(UNKNOWN_MODEL, &[])?;
    let models = Models::register(repository, loading, (predictions, ModelGauges::register(registry)?))?;
    let admission = Admission::register(queue_limit, threads, registry)?;
    Ok(Parts {
        readiness,
        models,
        unknown_model,
        pool: InferencePool::start(threads, &admission)?,
        admission,
        outbox,
        decoders: Arc::new(Semaphore::new(threads)),
        config,
    })
}

/// The whole surface of the service.
fn routes(app: &App, registry: &MetricsRegistry) -> Routes {
    let health = app.clone();
    Routes::new()
        .post("/predict", predict::predict)
        .merge(oip::routes())
        .compressed()
        .get("/models", status::models)
        .with_state(app.clone())
        .merge(health_routes(app.readiness.clone(), move || status::health(&health)))
        .merge(metrics_route(registry))
        .merge(docs_routes(&openapi::description()))
}

/// Gets the models to serve, follows what becomes of their folder, and sends their profiles, until the service stops. A
/// load that is under way then comes to its end first.
async fn prepare(app: App, profiles: Profiles, mut stopped: oneshot::Receiver<Infallible>) {
    let profiles = Arc::new(profiles);
    // Those of models that were replaced need not be sent any more.
    let mut sending = JoinSet::new();
    let send = async |sending: &mut JoinSet<()>| {
        sending.shutdown().await;
        let (app, profiles) = (app.clone(), profiles.clone());
        sending.spawn(async move { profiles.deliver(&app.models).await });
    };
    loop {
        let looking = spawn_blocking({
            let app = app.clone();
            move || app.models.refresh()
        });
        match looking.await {
            Ok(true) => send(&mut sending).await,
            Ok(false) => {}
            Err(problem) => error!(%problem, "loading the models ended early"),
        }
        if !app.readiness.is_draining() && !app.readiness.is_ready() {
            app.readiness.set_ready();
            info!(threads = app.config.threads(), "ready");
        }
        let next_look = async {
            match app.config.model_poll() {
                Some(pause) => sleep(pause).await,
                None => pending().await,
            }
        };
        tokio::pin!(next_look);
        loop {
            tokio::select! {
                () = &mut next_look => break,
                // No look now: two that follow each other at once would take for settled what is being copied.
                () = app.models.loaded_by_order() => send(&mut sending).await,
                // Nothing is ever sent; the sender is dropped.
                _ = &mut stopped => return,
            }
        }
    }
}
