//! A service in a control group of the shipped size, and the honest clients that it has.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{Cgroup, HttpRequest, Launch, Picture, Service, pictures, wait_until};
use tokio::time::sleep;

/// The limit that the inference service is shipped with.
const INFERENCE_BYTES: u64 = 1 << 30;
/// The limit that the logging service is shipped with.
const LOGGING_BYTES: u64 = 512 << 20;
/// How long an attack goes on.
const SIEGE: Duration = Duration::from_secs(12);
/// How long an honest client waits between two requests.
const PAUSE: Duration = Duration::from_millis(40);
/// By how much memory may have grown after an attack, in bytes.
const MAY_STAY: u64 = 50 << 20;
/// How long it may take to come back.
const RETURN_PATIENCE: Duration = Duration::from_secs(60);
/// The least share of honest requests that have to be answered, in percent.
const LEAST_ANSWERED: usize = 95;

/// A service under attack.
pub(super) struct Besieged {
    pub(super) service: Service,
    honest: HttpRequest,
    group: Cgroup,
    _database: TempDir,
}

impl Besieged {
    /// The inference service; an honest client sends a picture. `None` where no control group can be made.
    pub(super) async fn inference(what: &str) -> Option<Self> {
        let group = Cgroup::with_memory(INFERENCE_BYTES, what)?;
        let Picture { content_type, bytes } = pictures("cifar10").remove(0);
        let honest = HttpRequest::post("/predict", bytes).header("content-type", content_type);
        let service = Launch::inference().within(&group).start().await;
        let besieged = Self { service, honest, group, _database: TempDir::new().unwrap() };
        besieged.warm_up().await;
        Some(besieged)
    }

    /// The logging service; an honest client sends a record. `None` where no control group can be made.
    pub(super) async fn logging(what: &str) -> Option<Self> {
        let group = Cgroup::with_memory(LOGGING_BYTES, what)?;
        let database = TempDir::new().unwrap();
        let record = br#"{"model":"m","label":"a","confidence":0.5}"#;
        let honest = HttpRequest::post("/log", record).header("content-type", "application/json");
        let service = Launch::logging(&database.path().join("log.db")).within(&group).start().await;
        let besieged = Self { service, honest, group, _database: database };
        besieged.warm_up().await;
        Some(besieged)
    }

    async fn warm_up(&self) {
        for _ in 0..20 {
            assert_eq!(self.service.send(&self.honest).await.status, 200);
            self.service.metrics().await;
        }
    }

    /// Honest clients ask while `attack` goes on, which ends with them.
    ///
    /// # Panics
    /// If they are not answered, the service is killed, or its memory does not come back.
    pub(super) async fn withstands(mut self, attack: impl AsyncFnOnce(&Service)) {
        let before = self.service.resident_bytes();
        let mut answers = Vec::new();
        let honest = async {
            let started = Instant::now();
            while started.elapsed() < SIEGE {
                let answer = self.honest.send(self.service.address).await;
                answers.push(answer.map(|answer| answer.status).unwrap_or_default());
                sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = honest => {}
            () = async { attack(&self.service).await; std::future::pending().await } => {}
        }
        assert!(!self.service.has_ended(), "the service has ended: {}", self.service.stderr());
        assert_eq!(self.group.killed(), 0, "it had no memory left");
        let answered = answers.iter().filter(|status| **status == 200).count();
        let peak = self.service.peak_resident_bytes() >> 20;
        eprintln!("{answered} of {} honest requests answered, at most {peak} MiB", answers.len());
        assert!(answered * 100 >= answers.len() * LEAST_ANSWERED, "honest clients got {answers:?}");
        wait_until("memory comes back", RETURN_PATIENCE, async || self.service.resident_bytes() <= before + MAY_STAY)
            .await;
        assert_eq!(self.service.get("/health/live").await.status, 200);
    }
}
