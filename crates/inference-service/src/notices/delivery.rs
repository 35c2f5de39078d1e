//! The task that sends the notices to the logging service.
//!
//! Rule of thumb: nothing waits for a notice. It is sent until it is taken or refused, each apart from the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use monitoring::prediction::PredictionMetrics;
use monitoring::{Backoff, Gauge, LeasedFamily, MetricsError, MetricsRegistry, NoLabels, RequestContext};
use reqwest::Method;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::{declaration, profile};
use crate::log_service::{LogAnswer, LogRequest, LogRoute, LogService};
use crate::serving::{LoadedVersion, Model, Models};

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The notices cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// A metric is registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NoticeKind {
    Profile,
    Declaration,
}

/// Finds the notices of the models and sends them.
pub(crate) struct ModelNotices {
    /// Where each kind goes; `None` where nothing is logged.
    routes: Option<NoticeRoutes>,
    profiles: LeasedFamily<Gauge, NoLabels>,
    declarations: LeasedFamily<Gauge, NoLabels>,
}

struct NoticeRoutes {
    profiles: LogRoute,
    models: LogRoute,
}

/// One notice under way.
struct ModelNotice {
    kind: NoticeKind,
    model: String,
    json: Bytes,
    route: LogRoute,
}

/// Why a notice was not taken.
#[derive(Debug, PartialEq)]
enum NoticeFailure {
    /// The same notice will be refused again.
    Refused(String),
    /// Another time may be better.
    Passing(String),
}

impl NoticeKind {
    /// The word in the messages of the log.
    fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Declaration => "declaration",
        }
    }
}

impl ModelNotices {
    /// Registers the metrics. Where nothing is logged, nothing is sent.
    pub(crate) fn register(
        log: &LogService,
        registry: &MetricsRegistry,
        predictions: &PredictionMetrics,
    ) -> Result<Self, NoticeError> {
        let profiles = registry.leased_gauges(
            "model_profile_delivered",
            "1 once the logging service has taken the model's reference profile, 0 before; only models with one.",
            predictions.models(),
            NoLabels,
        )?;
        let declarations = registry.leased_gauges(
            "model_declaration_delivered",
            "1 once the logging service has taken what the model's model.toml declares, 0 before.",
            predictions.models(),
            NoLabels,
        )?;
        let routes = log.route("drift/reference").zip(log.route("models"));
        let routes = routes.map(|(profiles, models)| NoticeRoutes { profiles, models });
        Ok(Self { routes, profiles, declarations })
    }

    /// Sends the notices of each model that is ready. Ends when each is taken or given up; dropping the future ends it, too.
    pub(crate) async fn deliver(&self, models: &Models) {
        let Some(routes) = &self.routes else { return };
        let mut sending = JoinSet::new();
        // Models that are counted together have one series, which is 1 when none of their notices is missing.
        let mut missing = BTreeMap::<(NoticeKind, Vec<String>), usize>::new();
        for model in models.all().iter() {
            let Some(serving) = model.versions().map(|versions| versions.serving.clone()) else { continue };
            for kind in [NoticeKind::Declaration, NoticeKind::Profile] {
                let Some(found) = notice_of(kind, serving.clone()).await else { continue };
                *missing.entry((kind, model.metrics.label().values().to_vec())).or_default() += 1;
                self.family(kind).with(model.metrics.label(), NoLabels).set(0.0);
                match found {
                    Ok(json) => {
                        let notice =
                            ModelNotice { kind, model: model.name.clone(), json, route: routes.of(kind, model) };
                        let metrics = model.metrics.clone();
                        sending.spawn(async move { deliver(&notice).await.then_some((kind, metrics)) });
                    }
                    Err(problem) => {
                        error!(model = model.name, %problem, "model_{}_ignored", kind.as_str());
                    }
                }
            }
        }
        while let Some(sent) = sending.join_next().await {
            match sent {
                Ok(Some((kind, metrics))) => {
                    let missing = missing.entry((kind, metrics.label().values().to_vec())).or_default();
                    *missing = missing.saturating_sub(1);
                    if *missing == 0 {
                        self.family(kind).with(metrics.label(), NoLabels).set(1.0);
                    }
                }
                Ok(None) => {}
                Err(problem) => error!(%problem, "model_notice_delivery_stopped_early"),
            }
        }
    }

    fn family(&self, kind: NoticeKind) -> &LeasedFamily<Gauge, NoLabels> {
        match kind {
            NoticeKind::Profile => &self.profiles,
            NoticeKind::Declaration => &self.declarations,
        }
    }
}

impl NoticeRoutes {
    fn of(&self, kind: NoticeKind, model: &Model) -> LogRoute {
        match kind {
            NoticeKind::Profile => self.profiles.clone(),
            NoticeKind::Declaration => self.models.below(&model.name, "source=file"),
        }
    }
}

/// The notice of a version; `None` where it has none of this kind, and why it cannot be sent where it cannot.
async fn notice_of(kind: NoticeKind, serving: Arc<LoadedVersion>) -> Option<Result<Bytes, String>> {
    match kind {
        NoticeKind::Declaration => Some(declaration::declaration(&serving.engine)),
        NoticeKind::Profile => {
            let reading = spawn_blocking(move || profile::read(&serving.file(), serving.engine.sha256()));
            Some(reading.await.ok()??.map_err(|problem| problem.to_string()))
        }
    }
}

/// Sends a notice until it is taken, or refused for good; says whether it was taken.
async fn deliver(notice: &ModelNotice) -> bool {
    let ModelNotice { kind, model, json, route } = notice;
    let kind = kind.as_str();
    let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
    loop {
        let request = LogRequest {
            method: Method::PUT,
            content_type: "application/json",
            body: json.clone(),
            context: &RequestContext::from_headers(&HeaderMap::new()),
            deadline: Instant::now() + ATTEMPT_TIMEOUT,
        };
        let attempt = match route.send(request).await {
            Ok(answer) => judge(&answer),
            Err(problem) => Err(NoticeFailure::Passing(problem.to_string())),
        };
        match attempt {
            Ok(()) => {
                info!(model, "model_{kind}_delivered");
                return true;
            }
            Err(NoticeFailure::Refused(problem)) => {
                error!(model, problem, "model_{kind}_refused");
                return false;
            }
            Err(NoticeFailure::Passing(problem)) => {
                if !backoff.is_failing() {
                    warn!(model, problem, "model_{kind}_delivery_failing");
                }
                sleep(backoff.next_delay()).await;
            }
        }
    }
}

/// Whether the answer says that the notice was taken.
fn judge(answer: &LogAnswer) -> Result<(), NoticeFailure> {
    match answer.status.as_u16() {
        200 => Ok(()),
        // Another key may be put into the file of either side.
        401 | 429 => Err(NoticeFailure::Passing(answer.text())),
        400..500 => Err(NoticeFailure::Refused(answer.text())),
        _ => Err(NoticeFailure::Passing(answer.text())),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    fn judged(status: u16) -> Result<(), NoticeFailure> {
        judge(&LogAnswer { status: StatusCode::from_u16(status).unwrap_or_default(), body: Bytes::from_static(b"no") })
    }

    #[test]
    fn only_a_refusal_ends_the_attempts() {
        for status in [200, 204, 302, 401, 429, 500, 503] {
            assert_eq!(judged(status).is_ok(), status == 200, "{status}");
            assert!(!matches!(judged(status), Err(NoticeFailure::Refused(_))), "{status}");
        }
        for status in [400, 404, 413, 422] {
            assert!(matches!(judged(status), Err(NoticeFailure::Refused(_))), "{status}");
        }
    }
}
