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
mod disk_watch;
mod line;
mod memory;
mod receipt;
mod record_options;
mod spool;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use monitoring::{LATENCY_BUCKETS, MetricsError, MetricsRegistry, Traces, each};
use prediction_record::PredictionRecord;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::log_service::LogRoute;
use books::Books;
pub(crate) use books::WaitingRecords;
use delivery::RecordDelivery;
use line::{Amount, RecordLine};
pub(crate) use receipt::{NotKept, RecordReceipt};
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
    /// [`NotKept::Full`].
    pub(crate) fn admit(&self, items: usize) -> Result<(), NotKept> {
        if self.spool.is_none() || !self.refuses() {
            return Ok(());
        }
        // An empty log must not refuse a large batch; should it not fit, that is found out when it is recorded.
        let bytes = (USUAL_BYTES * items as u64).min(self.books.bound().bytes / 2);
        let amount = Amount { records: items, bytes, refusal_bytes: 0 };
        if self.books.has_room(amount) { Ok(()) } else { Err(NotKept::Full) }
    }

    /// Whether predictions are recorded at all.
    pub(crate) fn keeps_records(&self) -> bool {
        self.spool.is_some()
    }

    /// Hands the records of one answered request over, without waiting. If predictions are not logged, none is made.
    pub(crate) fn hand_over(&self, records: impl ExactSizeIterator<Item = PredictionRecord>) -> RecordReceipt {
        let predictions = records.len() as u64;
        let lines = self.lines(records, RecordLine::new);
        let mut receipt = self.hand_in(lines, predictions);
        if self.spool.is_some() {
            self.note_fullness(receipt.refused);
        }
        if !self.refuses() {
            receipt.refused = false;
            if self.durability == Durability::Memory {
                receipt.kept = None;
            }
        }
        receipt
    }

    /// Hands the one record of a request over that was refused or failed, without waiting.
    pub(crate) fn hand_over_refusal(&self, record: impl FnOnce() -> PredictionRecord) -> RecordReceipt {
        if self.spool.is_none() {
            return self.hand_in(Vec::new(), 0);
        }
        let record = record();
        let predictions = record.counts_as();
        self.hand_in(self.lines(std::iter::once(record), RecordLine::of_refusal), predictions)
    }

    fn lines(&self, records: impl Iterator<Item = PredictionRecord>, line: fn(Bytes) -> RecordLine) -> Vec<RecordLine> {
        if self.spool.is_none() {
            return Vec::new();
        }
        let written = |record: PredictionRecord| match serde_json::to_vec(&record) {
            Ok(text) => Some(line(text.into())),
            // Records hold strings and finite numbers, which JSON can express.
            Err(problem) => {
                error!(%problem, "prediction_log_record_unwritable");
                None
            }
        };
        records.filter_map(written).collect()
    }

    /// Takes lines into the books and hands them to the spool's thread, as far as there is room.
    fn hand_in(&self, mut lines: Vec<RecordLine>, predictions: u64) -> RecordReceipt {
        let mut receipt = RecordReceipt { books: self.books.clone(), kept: None, refused: false };
        let Some(spool) = &self.spool else { return receipt };
        receipt.refused = !self.books.take_in(&mut lines, predictions);
        if lines.is_empty() {
            return receipt;
        }
        match spool.hand_in(lines) {
            Ok(kept) => receipt.kept = Some(kept),
            Err(lines) => {
                lines.iter().for_each(|line| self.books.count_without_room(line));
                receipt.refused = true;
            }
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
