//! gRPC's health checking: the same as `GET /health/ready`.
//!
//! The messages and the service's trait are tonic-health's. Its ready-made service is not used: it answers `Watch` for an
//! unknown name with NOT_FOUND where the protocol says SERVICE_UNKNOWN, and it ends a `Watch`, which a stop would wait for,
//! only by forgetting the name, after which `Check` says NOT_FOUND in place of NOT_SERVING.

use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::proto::grpc_inference_service_server as inference_server;
use crate::app::App;
use crate::oip::server::is_ready;

/// How long a change may take to reach a client that watches.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// Answers the calls.
pub(super) struct HealthCalls {
    app: App,
}

/// One client that watches, and what it was told last.
struct HealthWatch {
    app: App,
    known: bool,
    told: Option<ServingStatus>,
    interval: Interval,
}

impl HealthCalls {
    pub(super) fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl Health for HealthCalls {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, call: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if !is_known(&call.get_ref().service) {
            return Err(Status::not_found("There is no service of this name."));
        }
        Ok(Response::new(answer(state(&self.app))))
    }

    async fn watch(&self, call: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let mut interval = interval(WATCH_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (app, known) = (self.app.clone(), is_known(&call.get_ref().service));
        let watching = HealthWatch { app, known, told: None, interval };
        let states = stream::unfold(watching, async |mut watching| {
            let state = watching.next().await?;
            Some((Ok(answer(state)), watching))
        });
        Ok(Response::new(Box::pin(states)))
    }
}

impl HealthWatch {
    /// The next state that differs from the one before. There is none after a draining server has said so, because a call
    /// without an end would keep it from stopping.
    async fn next(&mut self) -> Option<ServingStatus> {
        loop {
            let now = if self.known { state(&self.app) } else { ServingStatus::ServiceUnknown };
            if self.told != Some(now) {
                self.told = Some(now);
                return Some(now);
            }
            if self.app.readiness.is_draining() {
                return None;
            }
            self.interval.tick().await;
        }
    }
}

fn is_known(service: &str) -> bool {
    service.is_empty() || service == inference_server::SERVICE_NAME
}

fn state(app: &App) -> ServingStatus {
    if is_ready(app) { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn answer(state: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: state.into() }
}
