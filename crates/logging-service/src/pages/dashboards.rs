//! Links to Grafana's dashboards, where the service is told where Grafana is.

use jiff::{SignedDuration, Timestamp};
use pages::Query;

use crate::config::Config;

/// How far around a request its log lines are looked for.
const AROUND: SignedDuration = SignedDuration::from_mins(5);

/// The dashboard about a model.
pub(super) fn of_model(config: &Config, model: &str) -> Option<String> {
    link(config, "glasshouse-model-quality", &Query::default().with("var-model", model))
}

/// The log lines of a request that was answered at this time.
pub(super) fn of_request(config: &Config, request_id: &str, at: Option<Timestamp>) -> Option<String> {
    let asked = Query::default().with("var-request_id", request_id);
    let end = |around: SignedDuration| Some(at?.checked_add(around).ok()?.as_millisecond());
    let asked = asked.with_some("from", end(-AROUND)).with_some("to", end(AROUND));
    link(config, "glasshouse-logs", &asked)
}

fn link(config: &Config, uid: &str, asked: &Query) -> Option<String> {
    let grafana = config.grafana_url.as_deref()?.trim_end_matches('/');
    Some(format!("{grafana}/d/{uid}{asked}"))
}
