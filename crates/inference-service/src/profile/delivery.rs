//! The task that sends the profiles to the logging service.
//!
//! Rule of thumb: nothing waits for a profile. It is sent until it is taken or refused, each apart from the others.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use monitoring::prediction::MAX_MODELS;
use monitoring::{Family, Gauge, LabelSet, MetricsError, MetricsRegistry, RequestContext};
use reqwest::{Method, StatusCode};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::ReferenceProfile;
use crate::log_service::LogRoute;
use crate::serving::{Model, Models};

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The profiles cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The metric is registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// Finds the profiles and sends them.
pub(crate) struct Profiles {
    sender: Option<ProfileSender>,
    names: LabelSet,
    delivered: Family<Gauge, LabelSet>,
}

/// Where profiles go.
#[derive(Clone)]
struct ProfileSender {
    log: LogRoute,
}

/// How one attempt ended, if the profile was not taken.
#[derive(Debug, PartialEq)]
enum ProfileFailure {
    /// The same profile will be refused again.
    Refused(String),
    /// Another time may be better.
    Passing(String),
}

impl Profiles {
    /// Registers the metric. Where nothing is logged, profiles are left where they lie.
    pub(crate) fn register(log: Option<LogRoute>, registry: &MetricsRegistry) -> Result<Self, ProfileError> {
        let names = LabelSet::new(&["model"], MAX_MODELS);
        let help =
            "1 once the logging service has taken the model's reference profile, 0 before; only models with one.";
        let delivered = registry.gauges("model_profile_delivered", help, names.clone())?;
        Ok(Self { sender: log.map(|log| ProfileSender { log }), names, delivered })
    }

    /// Sends the profile of each model that is ready and has one. Ends when each is taken or given up; dropping the
    /// future ends it as well.
    pub(crate) async fn deliver(&self, models: &Models) {
        let Some(sender) = &self.sender else { return };
        let mut sending = JoinSet::new();
        for model in models.all().iter() {
            if let Some(profile) = self.profile_of(model).await {
                let sender = sender.clone();
                sending.spawn(async move { sender.deliver(&profile).await.then_some(profile.model) });
            }
        }
        while let Some(sent) = sending.join_next().await {
            match sent {
                Ok(Some(model)) => self.set(&model, 1.0),
                Ok(None) => {}
                Err(problem) => error!(%problem, "model_profile_delivery_stopped_early"),
            }
        }
    }

    async fn profile_of(&self, model: &Model) -> Option<ReferenceProfile> {
        let serving = model.versions()?.serving.clone();
        let reading = spawn_blocking(move || super::read(&serving.file(), serving.engine.sha256()));
        let found = reading.await.ok()??;
        self.set(&model.name, 0.0);
        match found {
            Ok(json) => Some(ReferenceProfile { model: model.name.clone(), json }),
            Err(problem) => {
                error!(model = model.name, %problem, "model_profile_ignored");
                None
            }
        }
    }

    fn set(&self, model: &str, delivered: f64) {
        if let Ok(model) = self.names.admit(&[model]) {
            self.delivered.with(model).set(delivered);
        }
    }
}

impl ProfileSender {
    /// Sends a profile until it is taken, or refused for good; says whether it was taken.
    async fn deliver(&self, profile: &ReferenceProfile) -> bool {
        let ReferenceProfile { model, json } = profile;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(json).await {
                Ok(()) => {
                    info!(model, "model_profile_delivered");
                    return true;
                }
                Err(ProfileFailure::Refused(problem)) => {
                    error!(model, problem, "model_profile_refused");
                    return false;
                }
                Err(ProfileFailure::Passing(problem)) => {
                    if pause == FIRST_PAUSE {
                        warn!(model, problem, "model_profile_delivery_failing");
                    }
                    // Between half and all of the pause, so that several senders do not come back together.
                    sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn attempt(&self, json: &Bytes) -> Result<(), ProfileFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        RequestContext::from_headers(&HeaderMap::new()).send_on(&mut headers);
        let exchange = async {
            let response = self.log.request(Method::PUT).headers(headers).body(json.clone()).send().await?;
            Ok((response.status(), response.bytes().await?))
        };
        let exchanged: Result<(StatusCode, Bytes), reqwest::Error> = timeout(ATTEMPT_TIMEOUT, exchange)
            .await
            .map_err(|_| ProfileFailure::Passing("no answer in time".to_owned()))?;
        let (status, answer) = exchanged.map_err(|error| ProfileFailure::Passing(error.to_string()))?;
        judge(status, &answer)
    }
}

fn judge(status: StatusCode, answer: &[u8]) -> Result<(), ProfileFailure> {
    let text = || format!("{status}: {}", String::from_utf8_lossy(&answer[..answer.len().min(300)]));
    match status.as_u16() {
        200 => Ok(()),
        // Another key may be put into the file of either side.
        401 | 429 => Err(ProfileFailure::Passing(text())),
        400..500 => Err(ProfileFailure::Refused(text())),
        _ => Err(ProfileFailure::Passing(text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_ends_the_attempts() {
        for (status, ends) in
            [(200, true), (204, false), (302, false), (401, false), (429, false), (500, false), (503, false)]
        {
            let judged = judge(StatusCode::from_u16(status).unwrap_or_default(), b"");
            assert_eq!(judged.is_ok(), ends, "{status}");
            assert!(!matches!(judged, Err(ProfileFailure::Refused(_))), "{status}");
        }
        for status in [400, 404, 413, 422] {
            let judged = judge(StatusCode::from_u16(status).unwrap_or_default(), b"no");
            assert!(matches!(judged, Err(ProfileFailure::Refused(_))), "{status}");
        }
    }
}
