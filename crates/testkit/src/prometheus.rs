//! A real Prometheus.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Daemon, wait_until};

const QUERY_PATIENCE: Duration = Duration::from_secs(60);

/// It takes 5 seconds until Prometheus has found its Alertmanager, and what it sends before is lost. It would be sent
/// again after a minute, which is long for a test.
const SEND_AGAIN: &str = "--rules.alert.resend-delay=6s";

/// A Prometheus with a database of its own.
pub struct Prometheus {
    /// The process.
    pub daemon: Daemon,
    #[expect(dead_code, reason = "the folder is deleted with this")]
    folder: TempDir,
}

impl Prometheus {
    /// Starts the program on a configuration file, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready.
    pub async fn start(program: &Path, address: SocketAddr, configuration: &Path) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--enable-feature=exemplar-storage")
            .arg(SEND_AGAIN);
        let daemon = Daemon::start(address, &mut command, &folder.path().join("log")).await;
        Self { daemon, folder }
    }

    /// The samples that a query has now, each an object with `metric` and `value`.
    ///
    /// # Panics
    /// If the query fails.
    pub async fn samples(&self, query: &str) -> Vec<Value> {
        let answer = self.daemon.get("/api/v1/query", &[("query", query)]).await;
        answer["data"]["result"].as_array().expect("a vector").clone()
    }

    /// The exemplars of the last ten minutes that the series of a selector have, each an object with `labels` and `value`.
    ///
    /// # Panics
    /// If the query fails.
    pub async fn exemplars(&self, selector: &str) -> Vec<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs();
        let (start, end) = ((now - 600).to_string(), (now + 60).to_string());
        let parameters = [("query", selector), ("start", &start), ("end", &end)];
        let answer = self.daemon.get("/api/v1/query_exemplars", &parameters).await;
        let series = answer["data"].as_array().expect("a list of series");
        series.iter().flat_map(|series| series["exemplars"].as_array().expect("exemplars").clone()).collect()
    }

    /// Waits until a query has exactly one sample, and that this value.
    ///
    /// # Panics
    /// If that does not happen within a minute.
    pub async fn becomes(&self, query: &str, expected: f64) {
        let what = format!("{query} becomes {expected} in Prometheus");
        wait_until(&what, QUERY_PATIENCE, async || {
            let samples = self.samples(query).await;
            let value = |sample: &Value| sample["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
            samples.len() == 1 && value(&samples[0]) == Some(expected)
        })
        .await;
    }
}
