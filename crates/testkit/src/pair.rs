//! Both services, one logging to the other.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::launch::database_url;
use crate::programs::program;
use crate::{Database, Launch, LogBooks, Service, free_address, wait_until};

/// How long the last records may take to arrive. After an outage, delivery pauses for up to 5 seconds.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(30);

/// Where the two keep what must outlive them.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder of the inference service's spool.
    pub spool: PathBuf,
    /// The logging service's database file.
    pub database: PathBuf,
}

impl Places {
    /// Both in one folder.
    pub fn below(folder: &Path) -> Self {
        Self { spool: folder.join("spool"), database: folder.join("predictions.db") }
    }
}

/// Both services, with a database and a spool in a folder of their own.
pub struct Pair {
    /// Predicts.
    pub inference: Service,
    /// Stores.
    pub logging: Service,
    /// Starts the inference service again, on the same spool and port.
    pub inference_again: Launch,
    /// Starts the logging service again, on the same database and port.
    pub logging_again: Launch,
    /// Where they keep what must outlive them.
    pub places: Places,
    _folder: TempDir,
}

impl Pair {
    /// Starts both and waits until both are ready.
    pub async fn start() -> Self {
        Self::start_with(|inference| inference).await
    }

    /// The same, with something changed about the inference service.
    ///
    /// # Panics
    /// If one does not become ready.
    pub async fn start_with(change: impl FnOnce(Launch) -> Launch) -> Self {
        Self::start_at(|places| places, |inference, logging| (change(inference), logging)).await
    }

    /// The same, and the logging service looks at its windows all the time.
    ///
    /// # Panics
    /// If one does not become ready.
    pub async fn start_eager(change: impl FnOnce(Launch) -> Launch) -> Self {
        let eager = |inference, logging: Launch| (change(inference), logging.flag("--evaluate-seconds=", "0.2"));
        Self::start_at(|places| places, eager).await
    }

    /// The same, with something changed about the places and about both services.
    ///
    /// # Panics
    /// If one does not become ready.
    pub async fn start_at(
        place: impl FnOnce(Places) -> Places,
        change: impl FnOnce(Launch, Launch) -> (Launch, Launch),
    ) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        let places = place(Places::below(folder.path()));
        let address = free_address();
        let inference = Launch::inference_logging_to(address).listen(free_address()).flag("--spool=", &places.spool);
        let logging = Launch::logging(&places.database).listen(address);
        let (inference_again, logging_again) = change(inference, logging);
        let logging = logging_again.start().await;
        let inference = inference_again.start().await;
        Self { inference, logging, inference_again, logging_again, places, _folder: folder }
    }

    /// The database, read past the logging service.
    pub fn database(&self) -> Database {
        Database::open(&self.places.database)
    }

    /// The books as of now.
    pub async fn books(&self) -> LogBooks {
        LogBooks::of(&self.inference.metrics().await)
    }

    /// Waits until no record waits any more, and returns the books then.
    pub async fn all_delivered(&self) -> LogBooks {
        wait_until("all records are delivered", DELIVERY_PATIENCE, async || self.books().await.spooled == 0).await;
        self.books().await
    }

    /// Gives true labels to the predictions that are stored, most of them what was predicted, and waits until the
    /// logging service has compared these models with their labels and with their references.
    ///
    /// # Panics
    /// If it does not.
    pub async fn is_judged(&self, models: &[&str]) {
        let stored = self.logging.get("/predictions?status=success&limit=1000").await.json();
        let stored = stored["predictions"].as_array().expect("predictions");
        let label = |(position, prediction): (usize, &Value)| {
            let truth = if position % 10 == 9 { &json!("something else") } else { &prediction["label"] };
            let (request, row) = (&prediction["request_id"], &prediction["row_index"]);
            json!({ "request_id": request, "row_index": row, "label": truth })
        };
        let labels: Vec<Value> = stored.iter().enumerate().map(label).collect();
        let answer = self.logging.post("/feedback", "application/json", json!(labels).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        wait_until("the models are judged", DELIVERY_PATIENCE, async || {
            let metrics = self.logging.metrics().await;
            models.iter().all(|model| {
                let of_model = [("model", *model), ("window", "1h")];
                metrics.find("logging_labelled_predictions", &of_model).is_some_and(|labelled| labelled > 0.0)
                    && metrics.find("logging_drift_samples", &of_model).is_some_and(|samples| samples > 0.0)
            })
        })
        .await;
    }

    /// Takes what is stored for how it should be, so that there is no drift.
    ///
    /// # Panics
    /// If it is not taken, or shows drift all the same.
    pub async fn all_is_as_it_should_be(&self, models: &[&str]) {
        for model in models {
            let asked = json!({ "model": model }).to_string();
            let answer = self.logging.post("/drift/reference", "application/json", asked).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        wait_until("no drift is seen", DELIVERY_PATIENCE, async || {
            let metrics = self.logging.metrics().await;
            let judged = metrics.series().any(|(name, _)| name == "logging_drift_verdict");
            judged && metrics.counts_by("logging_drift_verdict", &[], "feature").is_empty()
        })
        .await;
    }

    /// Stores one prediction of the model `before` from long ago: the check compares the counts of windows only after
    /// the oldest prediction's.
    ///
    /// # Panics
    /// If it is not stored.
    pub async fn store_an_old_prediction(&self) {
        let record =
            json!({ "model": "before", "label": "cat", "confidence": 0.5, "occurred_at": "2026-01-01T00:00:00Z" });
        let answer = self.logging.post("/log", "application/json", record.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Runs a command of the logging service's program on the database, beside the service or without it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(program("logging-service"))
            .arg("--database")
            .arg(database_url(&self.places.database))
            .args(arguments)
            .env_clear()
            .output()
            .expect("the command runs")
    }

    /// Runs `logging-service check`, which must find nothing wrong, and compare something.
    ///
    /// # Panics
    /// If it does.
    pub fn assert_checked(&self) {
        let output = self.command(&["check"]);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {said}", output.status);
        assert!(said.contains(" 0 problems") && !said.contains(" 0 windows"), "{said}");
    }
}
