//! Which alert keeps which others quiet, and which it does not.

use std::time::Duration;

use serde_json::Value;
use testkit::{alone, skip_without, wait_until};

use crate::alertmanager::{Alertmanager, is_quiet, shipped};

type Labels = &'static [(&'static str, &'static str)];

/// Alerts that are there at once, and which of them are kept quiet.
struct Case {
    told: &'static [Labels],
    quiet: &'static [Labels],
}

const CASES: [Case; 5] = [
    // A service that is down: whatever else there is of the same job, but not its other instances, other jobs, and
    // the same job of another installation.
    Case {
        told: &[
            &[("alertname", "ServiceDown"), ("job", "a"), ("instance", "1"), ("severity", "critical")],
            &[("alertname", "ServiceDown"), ("job", "a"), ("instance", "2"), ("severity", "critical")],
            &[("alertname", "HighErrorRate"), ("job", "b"), ("severity", "warning")],
            &[("alertname", "HighErrorRate"), ("job", "a"), ("env", "other"), ("severity", "warning")],
            &[("alertname", "Watchdog"), ("severity", "none")],
        ],
        quiet: &[
            &[("alertname", "HighErrorRate"), ("job", "a"), ("severity", "warning")],
            &[("alertname", "ModelNotLoaded"), ("job", "a"), ("model", "m"), ("severity", "critical")],
        ],
    },
    // A logging service that cannot take records: the sender's failures, but not that they pile up.
    Case {
        told: &[
            &[("alertname", "DatabaseNotAccessible"), ("job", "logging-service"), ("severity", "critical")],
            &[("alertname", "SpoolFilling"), ("job", "inference-service"), ("severity", "warning")],
            &[
                ("alertname", "LogDeliveryFailing"),
                ("job", "inference-service"),
                ("env", "other"),
                ("severity", "warning"),
            ],
        ],
        quiet: &[&[("alertname", "LogDeliveryFailing"), ("job", "inference-service"), ("severity", "warning")]],
    },
    // Of another service that is down, the sender's failures are no consequence.
    Case {
        told: &[
            &[("alertname", "ServiceDown"), ("job", "loki"), ("severity", "critical")],
            &[("alertname", "LogDeliveryFailing"), ("job", "inference-service"), ("severity", "warning")],
        ],
        quiet: &[&[("alertname", "LogPipelineDropping"), ("job", "loki"), ("severity", "warning")]],
    },
    // A budget that is spent fast: that it is spent slowly, of the same objective only.
    Case {
        told: &[
            &[("alertname", "AvailabilityBurnFast"), ("job", "a"), ("slo", "availability"), ("severity", "critical")],
            &[("alertname", "LatencyBurnSlow"), ("job", "a"), ("slo", "latency"), ("severity", "warning")],
            &[("alertname", "AvailabilityBurnSlow"), ("job", "a"), ("slo", "availability"), ("env", "other")],
        ],
        quiet: &[&[
            ("alertname", "AvailabilityBurnSlow"),
            ("job", "a"),
            ("slo", "availability"),
            ("severity", "warning"),
        ]],
    },
    // Something critical: the same as a warning, of the same model only.
    Case {
        told: &[
            &[("alertname", "Slow"), ("job", "a"), ("model", "m"), ("severity", "critical")],
            &[("alertname", "Slow"), ("job", "a"), ("model", "n"), ("severity", "warning")],
            &[("alertname", "Wrong"), ("job", "a"), ("model", "m"), ("severity", "warning")],
            &[("alertname", "Slow"), ("job", "a"), ("model", "m"), ("env", "other"), ("severity", "warning")],
        ],
        quiet: &[&[("alertname", "Slow"), ("job", "a"), ("model", "m"), ("severity", "warning")]],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn consequences_are_kept_quiet_and_nothing_else_is() {
    let _alone = alone().await;
    let Some(program) = skip_without("prometheus-alertmanager", "which alerts keep which quiet") else { return };
    for case in CASES {
        let alertmanager = Alertmanager::start(&program, &shipped()).await;
        alertmanager.raise(&[case.told, case.quiet].concat()).await;
        let mut states = Vec::new();
        wait_until("every alert is told or kept quiet", Duration::from_secs(20), async || {
            states = alertmanager.alerts().await;
            let quiet = states.iter().filter(|alert| is_quiet(alert)).count();
            states.len() == case.told.len() + case.quiet.len() && quiet >= case.quiet.len()
        })
        .await;
        for alert in &states {
            let expected = case.quiet.iter().any(|labels| has(alert, labels));
            assert_eq!(is_quiet(alert), expected, "{alert:#}");
        }
    }
}

/// Whether the alert has these labels and no others.
fn has(alert: &Value, labels: &[(&str, &str)]) -> bool {
    let own = alert["labels"].as_object().unwrap();
    own.len() == labels.len() && labels.iter().all(|(name, value)| own.get(*name).is_some_and(|own| own == value))
}
