//! Prometheus and Alertmanager as shipped, with the addresses of the test, a minute in two seconds.

use std::path::Path;

use testkit::{Configuration, Pair, Prometheus, Targets, free_address};

use crate::alertmanager::{Alertmanager, FASTER, is_quiet, shorten_waits};
use crate::people::People;

pub(crate) struct Stack {
    pub(crate) alertmanager: Alertmanager,
    pub(crate) prometheus: Prometheus,
    #[expect(dead_code, reason = "secrets are read for every notification; the folder is deleted with this")]
    configuration: Configuration,
}

impl Stack {
    pub(crate) async fn start(prometheus: &Path, alertmanager: &Path, pair: &Pair, people: &People) -> Self {
        let configuration =
            Configuration::copy(&["prometheus.yml", "alert_rules.yml", "deploy/prometheus", "deploy/alertmanager"]);
        shorten_waits(&configuration);
        people.are_told_by(&configuration);
        let alertmanager = Alertmanager::start(alertmanager, &configuration).await;

        let every = ["scrape_interval", "scrape_timeout", "evaluation_interval"];
        configuration.divide("prometheus.yml", &every, FASTER);
        configuration.divide("alert_rules.yml", &["interval", "for"], FASTER);
        for file in ["deploy/prometheus/recording_rules.yml", "deploy/prometheus/slo_rules.yml"] {
            configuration.divide(file, &["interval"], FASTER);
        }
        let address = free_address();
        let targets = Targets {
            inference: pair.inference.address,
            logging: pair.logging.address,
            prometheus: address,
            alertmanager: Some(alertmanager.daemon.address),
        };
        targets.write_into(&configuration);
        let prometheus = Prometheus::start(prometheus, address, &configuration.path("prometheus.yml")).await;
        Self { alertmanager, prometheus, configuration }
    }

    /// Whether Alertmanager knows the alert, and another keeps it from being told.
    pub(crate) async fn is_quiet(&self, name: &str) -> bool {
        let alerts = self.alertmanager.alerts().await;
        alerts.iter().any(|alert| alert["labels"]["alertname"] == name && is_quiet(alert))
    }
}
