//! Before a channel is set up: every alert is on the screen, nothing is sent, and nothing fails.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use testkit::{HttpRequest, Metrics, alone, skip_without, wait_until};

use crate::alertmanager::{Alertmanager, FILE, OFF, ON, shipped};

const ALERTS: [&[(&str, &str)]; 4] = [
    &[("alertname", "Watchdog"), ("severity", "none")],
    &[("alertname", "ServiceDown"), ("job", "loki"), ("severity", "critical")],
    &[("alertname", "SlowPredictions"), ("job", "inference-service"), ("severity", "warning")],
    &[("alertname", "Anything"), ("severity", "info")],
];

/// Notifications that are due: the dead man's switch, critical by email and by Slack, the warning by Slack.
const MUTED: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn without_secrets_everything_is_on_the_screen_and_nothing_fails() {
    let _alone = alone().await;
    let Some(program) = skip_without("prometheus-alertmanager", "Alertmanager as shipped") else { return };
    let configuration = shipped();
    let alertmanager = Alertmanager::start(&program, &configuration).await;
    alertmanager.raise(&ALERTS).await;
    wait_until("every notification is held back", Duration::from_secs(30), async || {
        alertmanager.daemon.log().matches("route is within mute time").count() >= MUTED
    })
    .await;

    let shown = names_shown(&alertmanager).await;
    assert_eq!(shown, ["Anything", "ServiceDown", "SlowPredictions"]);
    let scrape = HttpRequest::get("/metrics").send(alertmanager.daemon.address).await.unwrap();
    let metrics = Metrics::parse(&scrape.text());
    for metric in ["alertmanager_notifications_total", "alertmanager_notifications_failed_total"] {
        assert_eq!(metrics.count(metric, &[]), 0, "{metric}");
    }
    assert_eq!(alertmanager.complaints(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_switched_on_without_its_secret_complains() {
    let _alone = alone().await;
    let Some(program) = skip_without("prometheus-alertmanager", "a missing secret") else { return };
    let configuration = shipped();
    assert!(!Path::new("/run/secrets/slack_api_url").exists(), "this machine has the secret");
    configuration.replace(FILE, OFF, ON);
    let alertmanager = Alertmanager::start(&program, &configuration).await;
    alertmanager.raise(&ALERTS[2..3]).await;
    alertmanager.says(&["level=error", "/run/secrets/slack_api_url", "no such file"]).await;
}

/// The alerts in the groups that are never muted.
async fn names_shown(alertmanager: &Alertmanager) -> Vec<String> {
    let groups = alertmanager.daemon.get("/api/v2/alerts/groups", &[("receiver", "screen")]).await;
    let alerts = groups.as_array().unwrap().iter().flat_map(|group| group["alerts"].as_array().unwrap());
    let mut names: Vec<String> =
        alerts.map(|alert: &Value| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}
