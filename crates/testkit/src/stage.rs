//! The stack, as far as it runs here, on the shipped configuration with other addresses and intervals.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::{
    Configuration, Daemon, HttpRequest, Pair, Prometheus, Targets, free_address, skip_without, skip_without_shipped,
    wait_until,
};

/// Half a second between two scrapes instead of 15.
const FASTER: u64 = 30;

/// What stands for the hour that some queries look back to.
pub const AN_HOUR_AGO: &str = "offset 2s";

/// Prometheus, Alertmanager and node-exporter around both services.
pub struct Stage {
    /// Both services.
    pub pair: Pair,
    /// Knows of them, and of itself and the other two.
    pub prometheus: Prometheus,
    _alertmanager: Daemon,
    _node_exporter: NodeExporter,
    // Prometheus looks for its rules and targets there again and again.
    _configuration: Configuration,
}

impl Stage {
    /// Sets the stage around the services, or says on stderr what is missing for it.
    ///
    /// # Panics
    /// If something does not start, or Prometheus does not reach it.
    pub async fn around(pair: Pair) -> Option<Self> {
        let what = "what Prometheus makes of the shipped rules, dashboards and queries";
        let prometheus = skip_without_shipped("prometheus", what)?;
        let alertmanager = skip_without("prometheus-alertmanager", what)?;
        let node_exporter = skip_without("prometheus-node-exporter", what)?;

        let configuration =
            Configuration::copy(&["prometheus.yml", "alert_rules.yml", "deploy/prometheus", "deploy/alertmanager"]);
        let (address, file) = (free_address(), configuration.path("deploy/alertmanager/alertmanager.yml"));
        let mut command = Command::new(alertmanager);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", configuration.path("alertmanager").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        let alertmanager = Daemon::start(address, &mut command, &configuration.path("alertmanager.log")).await;
        let node_exporter = NodeExporter::start(&mut Command::new(node_exporter), &configuration).await;

        let intervals = ["scrape_interval", "scrape_timeout", "evaluation_interval"];
        configuration.divide("prometheus.yml", &intervals, FASTER);
        configuration.divide("alert_rules.yml", &["interval", "for"], FASTER);
        for file in ["deploy/prometheus/recording_rules.yml", "deploy/prometheus/slo_rules.yml"] {
            configuration.divide(file, &["interval"], FASTER);
        }
        configuration.replace("deploy/prometheus/recording_rules.yml", "offset 1h", AN_HOUR_AGO);
        let address = free_address();
        let targets = Targets {
            inference: pair.inference.address,
            logging: pair.logging.address,
            prometheus: address,
            alertmanager: Some(alertmanager.address),
        };
        targets.write_into(&configuration);
        let prometheus = Prometheus::start(&prometheus, address, &configuration.path("prometheus.yml")).await;
        let stage = Self {
            pair,
            prometheus,
            _alertmanager: alertmanager,
            _node_exporter: node_exporter,
            _configuration: configuration,
        };
        stage.prometheus.becomes("count(up == 1)", 5.0).await;
        Some(stage)
    }

    /// Waits until each group of rules has been evaluated after what has happened so far was scraped.
    ///
    /// # Panics
    /// If that does not happen within 30 seconds.
    pub async fn catches_up(&self) {
        let evaluations = "min(prometheus_rule_group_iterations_total)";
        let before = self.number(evaluations).await;
        wait_until("the rules are evaluated again", Duration::from_secs(30), async || {
            self.number(evaluations).await >= before + 2.0
        })
        .await;
    }

    async fn number(&self, query: &str) -> f64 {
        let samples = self.prometheus.samples(query).await;
        samples.first().and_then(|sample: &Value| sample["value"][1].as_str()?.parse().ok()).unwrap_or(0.0)
    }
}

/// Killed when this is dropped.
struct NodeExporter(Child);

impl NodeExporter {
    /// Starts it, and tells the copied configuration where it is. The shipped one knows it by its name only, which is
    /// left without an address like those of all that does not run.
    async fn start(command: &mut Command, configuration: &Configuration) -> Self {
        let address = free_address();
        let log = File::create(configuration.path("node-exporter.log")).unwrap();
        let listen = format!("--web.listen-address={address}");
        let child = command.arg(listen).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let exporter = Self(child);
        wait_until("node-exporter answers", Duration::from_secs(30), async || {
            HttpRequest::get("/metrics").send(address).await.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        let job = "job_name: node-exporter\n";
        let file = "node-exporter.targets.yml";
        let with_file = format!("{job}    file_sd_configs: [{{files: ['{file}']}}]\n");
        configuration.replace("prometheus.yml", job, &with_file);
        fs::write(configuration.path(file), format!("[{{targets: ['{address}']}}]\n")).unwrap();
        exporter
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        // It may have ended, which is fine as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
