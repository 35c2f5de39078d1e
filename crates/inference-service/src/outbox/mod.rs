//! The prediction log's sending side: every prediction is recorded here and delivered in batches.
//!
//! Rule of thumb: a record is in the spool before its prediction is answered, and leaves it when the logging
//! service has acknowledged it. What cannot be kept is counted, so that the books balance:
//! recorded = delivered + spooled + dropped.

mod books;
mod books_metrics;
mod delivery;
mod line;
mod memory;
mod record_options;
mod spool;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monitoring::{LATENCY_BUCKETS, MetricsError, MetricsRegistry, Traces, each};
use prediction_record::PredictionRecord;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;
use tracing::{error, info, warn};

pub(crate) use books::WaitingRecords;
use books::{Books, DropReason};
use delivery::RecordDelivery;
use line::{Amount, RecordLine};
pub(crate) use record_options::RecordOptions;
pub use record_options::{Durability, WhenFull};
pub(crate) use spool::SpoolError;
use spool::{Spool, SpoolParts, SpoolThread};

/// Bytes of most records, or some more.
const USUAL_BYTES: u64 = 1024;

/// The outbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Its metrics are registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The spool cannot be had.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Takes records in; its [`DeliveryTask`] delivers them.
pub(crate) struct Outbox {
    books: Books,
    durability: Durability,
    /// There was no room for the last record.
    full: AtomicBool,
    /// `None` if predictions are not logged.
    spool: Option<Spool>,
}

/// The task and the thread behind an [`Outbox`].
pub(crate) struct DeliveryTask {
    stop: watch::Sender<Option<Instant>>,
    task: JoinHandle<()>,
    thread: SpoolThread,
}

/// There is no room for the record of a prediction, which therefore must not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The prediction log is full, and no prediction is answered without its record.")]
pub(crate) struct LogFull;

/// Tells what became of records that were handed over.
#[must_use = "the prediction is answered when its record is kept"]
pub(crate) struct RecordReceipt {
    kept: Option<oneshot::Receiver<bool>>,
    refused: bool,
}

impl Outbox {
    /// Registers the books, opens the spool, and starts delivering, if there is somewhere to deliver to.
    pub(crate) async fn start(
        options: RecordOptions,
        registry: &MetricsRegistry,
        traces: &Traces,
    ) -> Result<(Self, Option<DeliveryTask>), OutboxError> {
        let books = Books::new(options.bound(), options.when_full);
        books_metrics::register(&books, registry)?;
        let errors = registry.counters(
            "prediction_log_delivery_errors_total",
            "Attempts at delivering records to the logging service that did not succeed, by reason.",
            each(),
        )?;
        let write_seconds = registry.histogram(
            "prediction_log_spool_write_seconds",
            "Seconds of one write to the spool, which is shared by all records that waited for it.",
            LATENCY_BUCKETS,
        )?;
        let (durability, full) = (options.durability, AtomicBool::new(false));
        let folder = options.folder().cloned();
        let Some(log) = options.log else {
            info!("predictions are not logged, because PREDICTION_LOG_URL is empty");
            return Ok((Self { books, durability, full, spool: None }, None));
        };
        let bell = Arc::new(Notify::new());
        let parts = SpoolParts { folder, durability, books: books.clone(), write_seconds, bell: bell.clone() };
        let opening = spawn_blocking(|| Spool::start(parts)).await;
        let (spool, thread) = opening.map_err(|problem| SpoolError::Thread(problem.into()))??;
        let (stop, stopped) = watch::channel(None);
        let traces = traces.clone();
        let delivery =
            RecordDelivery { spool: spool.clone(), books: books.clone(), log, errors, traces, stop: stopped, bell };
        let task = tokio::spawn(delivery.run());
        Ok((Self { books, durability, full, spool: Some(spool) }, Some(DeliveryTask { stop, task, thread })))
    }

    /// Whether predictions may run: not if none is answered without its record, and there is no room for one.
    ///
    /// # Errors
    /// [`LogFull`].
    pub(crate) fn admit(&self, items: usize) -> Result<(), LogFull> {
        if self.spool.is_none() || self.books.when_full() != WhenFull::Refuse {
            return Ok(());
        }
        // A large batch must not be refused by an empty log; should it not fit, that is found out when it is recorded.
        let bytes = (USUAL_BYTES * items as u64).min(self.books.bound().bytes / 2);
        if self.books.has_room(items, bytes) { Ok(()) } else { Err(LogFull) }
    }

    /// Whether there are records at all.
    pub(crate) fn keeps_records(&self) -> bool {
        self.spool.is_some()
    }

    /// Hands the records of one request over, without waiting. If predictions are not logged, none is made.
    pub(crate) fn hand_over(&self, records: impl ExactSizeIterator<Item = PredictionRecord>) -> RecordReceipt {
        let mut receipt = RecordReceipt { kept: None, refused: false };
        let Some(spool) = &self.spool else { return receipt };
        let mut lines = Vec::with_capacity(records.len());
        for record in records {
            match serde_json::to_vec(&record) {
                Ok(text) => lines.push(RecordLine::new(text.into())),
                // Records hold strings and finite numbers, which JSON can express.
                Err(problem) => error!(%problem, "prediction_log_record_unwritable"),
            }
        }
        let mut room = self.books.take_in(&mut lines);
        if !lines.is_empty() {
            let amount = Amount::of(&lines);
            receipt.kept = spool.submit(lines);
            if receipt.kept.is_none() {
                self.books.dropped(amount, DropReason::Full);
                room = false;
            }
        }
        self.note_fullness(!room);
        if self.books.when_full() == WhenFull::Refuse {
            receipt.refused = !room;
        } else if self.durability == Durability::Memory {
            receipt.kept = None;
        }
        receipt
    }

    /// Whether a record that was not kept takes its prediction's answer away.
    pub(crate) fn refuses(&self) -> bool {
        self.books.when_full() == WhenFull::Refuse
    }

    /// Logs when the outbox becomes full and when it no longer is; not every record that is lost.
    fn note_fullness(&self, full: bool) {
        if self.full.load(Ordering::Relaxed) == full || self.full.swap(full, Ordering::Relaxed) == full {
            return;
        }
        if full {
            error!("prediction_log_full: records are dropped until the logging service takes some");
        } else {
            warn!("prediction_log_has_room_again");
        }
    }

    /// How records are kept and what waits for delivery; `None` if predictions are not logged.
    pub(crate) fn waiting(&self) -> Option<(&'static str, WaitingRecords)> {
        self.spool.as_ref().map(|_| (self.durability.as_str(), self.books.waiting()))
    }
}

impl RecordReceipt {
    /// Waits until the records are kept as asked.
    ///
    /// # Errors
    /// [`LogFull`] if they are not, and predictions without a record are refused.
    pub(crate) async fn kept(self, refuses: bool) -> Result<(), LogFull> {
        let kept = match self.kept {
            // The thread is gone if it does not answer.
            Some(kept) => kept.await.unwrap_or(false),
            None => true,
        };
        if refuses && (self.refused || !kept) { Err(LogFull) } else { Ok(()) }
    }
}

impl DeliveryTask {
    /// Delivers what waits, for at most `patience`. What is left then stays in the spool; what is left in memory
    /// is lost, counted and logged.
    pub(crate) async fn finish(self, patience: Duration) {
        self.stop.send_replace(Some(Instant::now() + patience));
        if let Err(problem) = self.task.await {
            error!(%problem, "prediction_log_delivery_stopped_early");
        }
        if let Err(problem) = spawn_blocking(|| self.thread.finish()).await {
            error!(%problem, "prediction_log_spool_stopped_early");
        }
    }
}
