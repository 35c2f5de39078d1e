//! The task that sends the profiles to the logging service.
//!
//! Rule of thumb: nothing waits for a profile. It is sent until it is taken or refused, each apart from the others.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::HeaderMap;
use monitoring::prediction::PredictionMetrics;
use monitoring::{Backoff, Gauge, LeasedFamily, MetricsError, MetricsRegistry, NoLabels, RequestContext};
use reqwest::Method;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::ReferenceProfile;
use crate::log_service::{LogAnswer, LogRequest, LogRoute};
use crate::serving::{Model, Models};

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The profiles cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The metric is registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// Finds the profiles and sends them.
pub(crate) struct Profiles {
    /// `None` where nothing is logged.
    log: Option<LogRoute>,
    delivered: LeasedFamily<Gauge, NoLabels>,
}

/// Why a profile was not taken.
#[derive(Debug, PartialEq)]
enum ProfileFailure {
    /// The same profile will be refused again.
    Refused(String),
    /// Another time may be better.
    Passing(String),
}

impl Profiles {
    /// Registers the metric. Where nothing is logged, profiles are left where they lie.
    pub(crate) fn register(
        log: Option<LogRoute>,
        registry: &MetricsRegistry,
        predictions: &PredictionMetrics,
    ) -> Result<Self, ProfileError> {
        let help =
            "1 once the logging service has taken the model's reference profile, 0 before; only models with one.";
        let delivered = registry.leased_gauges("model_profile_delivered", help, predictions.models(), NoLabels)?;
        Ok(Self { log, delivered })
    }

    /// Sends the profile of each model that is ready and has one. Ends when each is taken or given up; dropping the
    /// future ends it, too.
    pub(crate) async fn deliver(&self, models: &Models) {
        let Some(log) = &self.log else { return };
        let mut sending = JoinSet::new();
        // Models that are counted together have one series, which is 1 when none of their profiles is missing.
        let mut missing = BTreeMap::<Vec<String>, usize>::new();
        for model in models.all().iter() {
            let Some(found) = profile_of(model).await else { continue };
            *missing.entry(model.metrics.label().values().to_vec()).or_default() += 1;
            self.delivered.with(model.metrics.label(), NoLabels).set(0.0);
            if let Some(profile) = found {
                let (log, metrics) = (log.clone(), model.metrics.clone());
                sending.spawn(async move { deliver(&log, &profile).await.then_some(metrics) });
            }
        }
        while let Some(sent) = sending.join_next().await {
            match sent {
                Ok(Some(metrics)) => {
                    let missing = missing.entry(metrics.label().values().to_vec()).or_default();
                    *missing = missing.saturating_sub(1);
                    if *missing == 0 {
                        self.delivered.with(metrics.label(), NoLabels).set(1.0);
                    }
                }
                Ok(None) => {}
                Err(problem) => error!(%problem, "model_profile_delivery_stopped_early"),
            }
        }
    }
}

/// The profile of a model that has one; `Some(None)` where it cannot be used.
async fn profile_of(model: &Model) -> Option<Option<ReferenceProfile>> {
    let serving = model.versions()?.serving.clone();
    let reading = spawn_blocking(move || super::read(&serving.file(), serving.engine.sha256()));
    match reading.await.ok()?? {
        Ok(json) => Some(Some(ReferenceProfile { model: model.name.clone(), json })),
        Err(problem) => {
            error!(model = model.name, %problem, "model_profile_ignored");
            Some(None)
        }
    }
}

/// Sends a profile until it is taken, or refused for good; says whether it was taken.
async fn deliver(log: &LogRoute, profile: &ReferenceProfile) -> bool {
    let ReferenceProfile { model, json } = profile;
    let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
    loop {
        let request = LogRequest {
            method: Method::PUT,
            content_type: "application/json",
            body: json.clone(),
            context: &RequestContext::from_headers(&HeaderMap::new()),
            deadline: Instant::now() + ATTEMPT_TIMEOUT,
        };
        let attempt = match log.send(request).await {
            Ok(answer) => judge(&answer),
            Err(problem) => Err(ProfileFailure::Passing(problem.to_string())),
        };
        match attempt {
            Ok(()) => {
                info!(model, "model_profile_delivered");
                return true;
            }
            Err(ProfileFailure::Refused(problem)) => {
                error!(model, problem, "model_profile_refused");
                return false;
            }
            Err(ProfileFailure::Passing(problem)) => {
                if !backoff.is_failing() {
                    warn!(model, problem, "model_profile_delivery_failing");
                }
                sleep(backoff.next_delay()).await;
            }
        }
    }
}

/// Whether the answer says that the profile was taken.
fn judge(answer: &LogAnswer) -> Result<(), ProfileFailure> {
    match answer.status.as_u16() {
        200 => Ok(()),
        // Another key may be put into the file of either side.
        401 | 429 => Err(ProfileFailure::Passing(answer.text())),
        400..500 => Err(ProfileFailure::Refused(answer.text())),
        _ => Err(ProfileFailure::Passing(answer.text())),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use reqwest::StatusCode;

    use super::*;

    fn judged(status: u16) -> Result<(), ProfileFailure> {
        judge(&LogAnswer { status: StatusCode::from_u16(status).unwrap_or_default(), body: Bytes::from_static(b"no") })
    }

    #[test]
    fn only_a_refusal_ends_the_attempts() {
        for status in [200, 204, 302, 401, 429, 500, 503] {
            assert_eq!(judged(status).is_ok(), status == 200, "{status}");
            assert!(!matches!(judged(status), Err(ProfileFailure::Refused(_))), "{status}");
        }
        for status in [400, 404, 413, 422] {
            assert!(matches!(judged(status), Err(ProfileFailure::Refused(_))), "{status}");
        }
    }
}
