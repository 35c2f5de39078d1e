//! The sending side of the prediction log: every prediction is recorded here and delivered in batches.
//!
//! Rule of thumb: a record is in the spool before its prediction is answered, and leaves it when the logging
//! service has acknowledged it. What cannot be kept is counted, so that the books balance:
//! recorded = delivered + spooled + dropped.
//!
//! The way of a record:
//! 1. [`Outbox::hand_over`] writes it as a line of JSON and takes it into the books, if there is room.
//! 2. `SpoolInbox::hand_in` adds it to the batch that the spool's thread takes next.
//! 3. `SpoolKeeper::keep` decides whether the batch goes to the disk or stays in memory.
//! 4. `SpoolKeeper::write` opens the spool where it must, and first moves there what waits in memory.
//! 5. `SpoolDisk::append` makes room, if the oldest records are to give way.
//! 6. `SpoolDatabase::commit` is one transaction for all requests that wait; then each [`RecordReceipt`] is answered.
//!
//! `RecordDelivery` borrows the oldest records, sends them, and settles them, which deletes them in a later commit.

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

use crate::log_service::LogRoute;
pub(crate) use books::WaitingRecords;
use books::{Books, DropReason};
use delivery::RecordDelivery;
use line::{Amount, RecordLine};
pub use record_options::{Durability, RecordOptions, WhenFull};
pub(crate) use spool::SpoolError;
use spool::{SpoolInbox, SpoolOptions, SpoolThread};

/// A usual record has about so many bytes, or fewer.
const USUAL_BYTES: u64 = 1024;

/// The outbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Its metrics are registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The spool cannot be used.
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
    spool: Option<Arc<SpoolInbox>>,
}

/// An outbox, and what delivers its records.
pub(crate) struct StartedOutbox {
    pub(crate) outbox: Outbox,
    /// `None` if predictions are not logged.
    pub(crate) delivery: Option<DeliveryTask>,
}

/// The task and the thread of an [`Outbox`].
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
    /// Registers the books, opens the spool, and starts to deliver to `log`; without it, predictions are not logged.
    pub(crate) async fn start(
        options: &RecordOptions,
        log: Option<LogRoute>,
        registry: &MetricsRegistry,
        traces: &Traces,
    ) -> Result<StartedOutbox, OutboxError> {
        let books = Books::new(options.bound(), options.spool_full);
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
        let mut outbox =
            Self { books: books.clone(), durability: options.record, full: AtomicBool::new(false), spool: None };
        let Some(log) = log else {
            info!("predictions are not logged, because PREDICTION_LOG_URL is empty");
            return Ok(StartedOutbox { outbox, delivery: None });
        };
        let changed = Arc::new(Notify::new());
        let spool = SpoolOptions {
            folder: options.folder().map(ToOwned::to_owned),
            durability: options.record,
            books: books.clone(),
            write_seconds,
            changed: changed.clone(),
        };
        let opening = spawn_blocking(|| SpoolThread::start(spool)).await;
        let thread = opening.map_err(|problem| SpoolError::Thread(problem.into()))??;
        outbox.spool = Some(thread.inbox());
        let (stop, stopped) = watch::channel(None);
        let spool = thread.inbox();
        let delivery = RecordDelivery { spool, books, log, errors, traces: traces.clone(), stop: stopped, changed };
        let task = tokio::spawn(delivery.run());
        Ok(StartedOutbox { outbox, delivery: Some(DeliveryTask { stop, task, thread }) })
    }

    /// Whether so many predictions may run. Where none is answered without its record, there must be room for one each.
    ///
    /// # Errors
    /// [`LogFull`].
    pub(crate) fn admit(&self, items: usize) -> Result<(), LogFull> {
        if self.spool.is_none() || !self.refuses() {
            return Ok(());
        }
        // An empty log must not refuse a large batch; should it not fit, that is found out when it is recorded.
        let bytes = (USUAL_BYTES * items as u64).min(self.books.bound().bytes / 2);
        if self.books.has_room(Amount { records: items, bytes }) { Ok(()) } else { Err(LogFull) }
    }

    /// Whether predictions are recorded at all.
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
        let mut has_room = self.books.take_in(&mut lines);
        if !lines.is_empty() {
            let amount = Amount::of(&lines);
            receipt.kept = spool.hand_in(lines);
            if receipt.kept.is_none() {
                self.books.count_dropped(amount, DropReason::Full);
                has_room = false;
            }
        }
        self.note_fullness(!has_room);
        if self.refuses() {
            receipt.refused = !has_room;
        } else if self.durability == Durability::Memory {
            receipt.kept = None;
        }
        receipt
    }

    /// Whether a prediction is refused when its record cannot be kept.
    pub(crate) fn refuses(&self) -> bool {
        self.books.when_full() == WhenFull::Refuse
    }

    /// Logs when the outbox becomes full and when it no longer is, instead of each record that is lost.
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

    /// What waits for delivery; `None` if predictions are not logged.
    pub(crate) fn waiting(&self) -> Option<WaitingRecords> {
        self.spool.as_ref().map(|_| self.books.waiting())
    }

    /// What a recorded prediction survives.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
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
