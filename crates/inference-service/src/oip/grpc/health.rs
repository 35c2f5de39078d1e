//! gRPC's health checking: the same as `GET /health/ready`.

use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::{Request, Response, Status};

use super::inference_server;
use super::proto_health::health_check_response::ServingStatus;
use super::proto_health::health_server::Health;
use super::proto_health::{HealthCheckRequest, HealthCheckResponse};
use crate::app::App;
use crate::oip::is_ready;

/// How soon a watching client hears of a change.
const WATCH_INTERVAL: Duration = Duration::from_millis(200);

/// Answers the calls.
pub(super) struct HealthCalls {
    app: App,
}

/// What one watching client was told.
struct Watching {
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
        let watching = Watching { app, known, told: None, interval };
        let states = stream::unfold(watching, async |mut watching| {
            let state = watching.next().await?;
            Some((Ok(answer(state)), watching))
        });
        Ok(Response::new(Box::pin(states)))
    }
}

impl Watching {
    /// The next state that differs from the one before. None after a server that drains has said so: a call without
    /// end would keep it from stopping.
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
