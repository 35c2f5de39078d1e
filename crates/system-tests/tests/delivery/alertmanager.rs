//! A real Alertmanager on the shipped configuration.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Configuration, Daemon, HttpRequest, free_address, wait_until};

/// Its configuration file, in the repository and in a copy.
pub(crate) const FILE: &str = "deploy/alertmanager/alertmanager.yml";

/// A channel that is off, and one that is on.
pub(crate) const OFF: &str = r#"time_intervals: [{times: [{start_time: "00:00", end_time: "24:00"}]}]"#;
pub(crate) const ON: &str = "time_intervals: []";

/// A minute of the shipped configuration takes two seconds here.
pub(crate) const FASTER: u64 = 30;

const PATIENCE: Duration = Duration::from_secs(30);

/// The shipped configuration, with every wait shortened.
pub(crate) fn shipped() -> Configuration {
    let configuration = Configuration::copy(&["deploy/alertmanager"]);
    shorten_waits(&configuration);
    configuration
}

pub(crate) fn shorten_waits(configuration: &Configuration) {
    configuration.divide(FILE, &["group_wait", "group_interval", "repeat_interval"], FASTER);
}

/// An Alertmanager with a memory of its own.
pub(crate) struct Alertmanager {
    pub(crate) daemon: Daemon,
    #[expect(dead_code, reason = "the folder is deleted with this")]
    folder: TempDir,
}

impl Alertmanager {
    pub(crate) async fn start(program: &Path, configuration: &Configuration) -> Self {
        let (address, folder) = (free_address(), TempDir::new().unwrap());
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", configuration.path(FILE).display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--web.external-url=http://localhost:9093", "--cluster.listen-address=", "--log.level=debug"]);
        let daemon = Daemon::start(address, &mut command, &folder.path().join("log")).await;
        Self { daemon, folder }
    }

    /// Raises alerts with these labels, as Prometheus would.
    pub(crate) async fn raise(&self, alerts: &[&[(&str, &str)]]) {
        let labels = |labels: &&[(&str, &str)]| -> Value {
            json!({ "labels": labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>() })
        };
        let body = Value::Array(alerts.iter().map(labels).collect()).to_string();
        let request = HttpRequest::post("/api/v2/alerts", body).header("content-type", "application/json");
        let answer = request.send(self.daemon.address).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// The alerts that it knows of, inhibited ones too.
    pub(crate) async fn alerts(&self) -> Vec<Value> {
        self.daemon.get("/api/v2/alerts", &[]).await.as_array().unwrap().clone()
    }

    /// Waits until its log has a line with each of these texts.
    pub(crate) async fn says(&self, texts: &[&str]) {
        let what = format!("Alertmanager's log says {texts:?}");
        wait_until(&what, PATIENCE, async || {
            self.daemon.log().lines().any(|line| texts.iter().all(|text| line.contains(text)))
        })
        .await;
    }

    /// The lines of its log that warn or complain.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.daemon.log();
        let complaint = |line: &&str| line.contains("level=warn") || line.contains("level=error");
        log.lines().filter(complaint).map(str::to_owned).collect()
    }
}

/// Whether another alert keeps this one from being told.
pub(crate) fn is_quiet(alert: &Value) -> bool {
    alert["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty())
}
