//! The prediction log's sending side: every prediction is recorded here and delivered in batches.
//!
//! Rule of thumb: recording neither waits nor fails. What cannot be kept is counted, so that the
//! books balance: recorded = delivered + spooled + dropped.

mod books;
mod delivery;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monitoring::{MetricsError, MetricsRegistry, each};
use prediction_record::PredictionRecord;
use reqwest::{Client, Url};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, info, warn};

use books::Books;
pub(crate) use books::Waiting;
use delivery::Delivery;

/// The outbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Its metrics are registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Takes records in; its [`DeliveryTask`] delivers them.
pub(crate) struct Outbox {
    books: Books,
    bell: Arc<Notify>,
    /// The last record did not fit in.
    full: AtomicBool,
    /// Whether predictions are logged at all.
    enabled: bool,
}

/// The task behind an [`Outbox`].
pub(crate) struct DeliveryTask {
    stop: watch::Sender<Option<Instant>>,
    task: JoinHandle<()>,
}

impl Outbox {
    /// Registers the books, and starts delivering to `url` if there is one.
    pub(crate) fn start(
        url: Option<Url>,
        registry: &MetricsRegistry,
    ) -> Result<(Self, Option<DeliveryTask>), OutboxError> {
        let books = Books::default();
        books.register(registry)?;
        let errors = registry.counters(
            "prediction_log_delivery_errors_total",
            "Attempts at delivering records to the logging service that did not succeed, by reason.",
            each(),
        )?;
        let bell = Arc::new(Notify::new());
        let outbox = Self { books, bell, full: AtomicBool::new(false), enabled: url.is_some() };
        let Some(url) = url else {
            info!("predictions are not logged, because PREDICTION_LOG_URL is empty");
            return Ok((outbox, None));
        };
        // A redirect or a proxy would send predictions elsewhere than configured.
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        let (stop, stopped) = watch::channel(None);
        let (books, bell) = (outbox.books.clone(), outbox.bell.clone());
        let task = tokio::spawn(Delivery { books, client, url, errors, stop: stopped, bell }.run());
        Ok((outbox, Some(DeliveryTask { stop, task })))
    }

    /// Records predictions; returns at once.
    pub(crate) fn record(&self, records: &[PredictionRecord]) {
        if !self.enabled {
            return;
        }
        for record in records {
            match serde_json::to_vec(record) {
                Ok(line) => self.note_fullness(!self.books.record(line.into())),
                // Records hold strings and finite numbers, which JSON can express.
                Err(problem) => error!(%problem, "prediction_log_record_unwritable"),
            }
        }
        self.bell.notify_one();
    }

    /// Logs when the outbox becomes full and when it no longer is; not every record that is lost.
    fn note_fullness(&self, full: bool) {
        if self.full.swap(full, Ordering::Relaxed) == full {
            return;
        }
        if full {
            error!("prediction_log_full: records are dropped until the logging service takes some");
        } else {
            warn!("prediction_log_has_room_again");
        }
    }

    /// What waits for delivery; `None` if predictions are not logged.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        self.enabled.then(|| self.books.waiting())
    }
}

impl DeliveryTask {
    /// Delivers what waits, for at most `patience`; what is left then is lost, counted and logged.
    pub(crate) async fn finish(self, patience: Duration) {
        self.stop.send_replace(Some(Instant::now() + patience));
        if let Err(problem) = self.task.await {
            error!(%problem, "prediction_log_delivery_stopped_early");
        }
    }
}
