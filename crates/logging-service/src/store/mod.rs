//! The store: predictions in SQLite or PostgreSQL, written durably by one thread and read by a few.
//!
//! [`Store::submit`] → bounded queue → the writer's transaction, shared by everybody who waits → commit →
//! [`Acknowledgement`]. Reading never waits for writing.
//!
//! Rule of thumb: an answer is a promise. `Ok` means that it is on the disk; a refusal says whether to come back, and when.

mod acknowledgement;
pub(crate) mod arrivals;
pub(crate) mod bounded_table;
mod bucket_key;
pub(crate) mod buckets;
mod caution;
mod check;
mod chosen_files;
mod counted_labels;
pub(crate) mod counted_segments;
mod counted_span;
mod day_check;
pub(crate) mod declarations;
pub(crate) mod declared_features;
mod engine;
pub(crate) mod erased_rows;
pub(crate) mod erasures;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod exact_windows;
mod filter;
mod in_force;
mod known_label;
mod label_lookup;
mod labelled;
pub(crate) mod labels;
pub(crate) mod lake_books;
pub(crate) mod lake_files;
pub(crate) mod lake_labels;
pub(crate) mod lake_rows;
pub(crate) mod lake_scan;
mod list_range;
mod listing;
mod matching;
mod observer;
mod options;
mod page;
mod postgres;
mod predicted_scores;
mod queue;
mod queued_write;
mod reader;
pub(crate) mod recent_use;
pub(crate) mod references;
pub(crate) mod retention;
mod row;
mod scan;
mod server_load;
mod session;
pub(crate) mod settlement;
mod sqlite;
mod statistics;
mod stats;
mod stored_label;
pub(crate) mod time;
mod true_label;
mod url;
mod value;
mod where_clause;
mod window_stats;
pub(crate) mod windows;
mod write_group;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use monitoring::off_worker;
use prediction_record::PredictionRecord;
use tokio::sync::oneshot;

pub use acknowledgement::Acknowledgement;
pub(crate) use acknowledgement::LabelAcknowledgement;
pub use caution::DatabaseCaution;
pub use engine::StoreDamage;
pub use error::StoreError;
pub use filter::PredictionFilter;
pub use known_label::KnownLabel;
pub use observer::{CommitSummary, ModelCounts, StoreObserver};
pub use options::StoreOptions;
pub use page::{MAX_PAGE, PredictionPage};
pub use postgres::ServerUrl;
pub use row::StoredPrediction;
pub use sqlite::DatabasePath;
pub use stats::{MAX_NAMES, PredictionStats, PredictionSummary};
pub use url::DatabaseUrl;

use engine::{DatabaseEngine, VerifiedBackup};
pub(crate) use engine::{Expiry, WriteTransaction};
use error::DatabaseError;
use in_force::{DeclarationsInForce, DeclaredParts};
pub(crate) use page::predictions_page;
use queue::WriteQueue;
use queued_write::{ClosureJob, PrecountedRows, QueuedWrite};
use reader::{QueryLength, StoreReader};
use row::NewRow;
pub(crate) use row::NumberedPrediction;
pub(crate) use server_load::ServerLoad;
pub(crate) use session::SqlSession;
use writer::{StoreWriter, WriterParts};

/// Submissions of fewer records are counted by the writer, which takes it less time than handing the counts over.
const WORTH_COUNTING: usize = 16;
/// So many records take milliseconds to prepare.
const MANY_RECORDS: usize = 200;

/// The predictions, in one database. Shared between tasks behind an [`Arc`].
///
/// Dropping it without [`Store::close`] lets the writer finish what is queued, but waits for nothing.
pub struct Store {
    engine: Arc<dyn DatabaseEngine>,
    queue: Arc<WriteQueue>,
    reader: StoreReader,
    writer: Mutex<Option<JoinHandle<()>>>,
    declared: DeclarationsInForce,
    /// Held while the declarations are read and put into force, so that an older reading never follows a newer one.
    following: tokio::sync::Mutex<()>,
    observer: Arc<dyn StoreObserver>,
    page_patience: Duration,
}

impl Store {
    /// Starts the writer. The database is opened before this returns, which may block for some seconds; where that
    /// fails, the store is unavailable and goes on trying.
    ///
    /// # Errors
    /// [`StoreError::SqliteTooOld`], and [`StoreError::Unavailable`] where no thread can be had.
    pub fn start(options: StoreOptions, observer: Arc<dyn StoreObserver>) -> Result<Self, StoreError> {
        sqlite::require_sqlite_version()?;
        let queue = Arc::new(WriteQueue::new(options.queue_limit));
        let engine = options.database.engine();
        engine.expect_retention(options.retention_days);
        let declared = DeclarationsInForce::default();
        let reader = StoreReader::new(Arc::clone(&engine), options.readers, options.query_deadline);
        // The writer's thread opens the database, because a client of PostgreSQL must neither block a task nor be
        // dropped in one.
        let (opened, is_opened) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn({
            let (engine, queue, observer) = (Arc::clone(&engine), Arc::clone(&queue), Arc::clone(&observer));
            let declared = declared.clone();
            move || {
                let writer = StoreWriter::new(WriterParts { engine, queue, observer, declared });
                drop(opened);
                writer.run();
            }
        });
        let thread =
            thread.map_err(|error| StoreError::Unavailable(format!("the writer's thread did not start: {error}")))?;
        // Nothing is sent; the sender is dropped once opening the database was tried.
        let _ = is_opened.recv();
        Ok(Self {
            engine,
            queue,
            reader,
            writer: Mutex::new(Some(thread)),
            declared,
            following: tokio::sync::Mutex::default(),
            observer,
            page_patience: options.page_patience,
        })
    }

    /// Stores records, all or none, and returns when they are on the disk. Missing event ids, request ids and times are
    /// filled in. The records must be valid ([`PredictionRecord::validate`]). Of their features only those are kept that
    /// their model declares so, where it declares any.
    ///
    /// A caller that stops waiting does not stop the storing.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`], [`StoreError::BatchTooLarge`] and [`StoreError::Refused`]: nothing was stored.
    /// [`StoreError::Unavailable`]: send the same records again later. [`StoreError::NewerSchema`]: the same, to a newer
    /// version of this program.
    pub async fn submit(&self, mut records: Vec<PredictionRecord>) -> Result<Acknowledgement, StoreError> {
        if records.is_empty() {
            return Ok(Acknowledgement::default());
        }
        // They are known before the queue lets anything in.
        let Some(DeclaredParts { features, segments }) = self.declared.known() else {
            return Err(self.queue.refusal());
        };
        let many = records.len() >= MANY_RECORDS;
        let mut prepare = || {
            features.apply(&mut records, self.observer.as_ref());
            let records = std::mem::take(&mut records).into_iter();
            let rows = records.map(|record| NewRow::of(record, &segments)).collect::<Result<Vec<_>, _>>()?;
            let counted = (rows.len() >= WORTH_COUNTING).then(|| PrecountedRows::of(&rows));
            Ok::<_, DatabaseError>((rows, counted))
        };
        let (rows, counted) = if many { off_worker(prepare)? } else { prepare()? };
        let (answer, answered) = oneshot::channel();
        self.queue.push(QueuedWrite::Records { rows, counted, answer }).await?;
        answered.await.map_err(|_| writer_stopped())?.outcome
    }

    /// Writes anything else than predictions, in the writer's next transaction. It takes the room of `weight` records in
    /// the queue.
    pub(crate) async fn write<T, W>(&self, weight: usize, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnMut(&mut dyn WriteTransaction) -> Result<T, DatabaseError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.queue.push(QueuedWrite::Job(Box::new(ClosureJob { weight, work, result: None, answer }))).await?;
        answered.await.map_err(|_| writer_stopped())?
    }

    /// Puts into force what is declared: the segments that are counted apart, and the features that are kept.
    ///
    /// # Errors
    /// The errors of every query; all stays as it was.
    pub(crate) async fn follow_declarations(&self) -> Result<(), StoreError> {
        let _following = self.following.lock().await;
        let declared = self.read(|session| declarations::effective(session, None)).await?;
        self.declared.replace(declared);
        Ok(())
    }

    /// Asks the database something, beside the writer.
    pub(crate) async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut dyn SqlSession) -> Result<T, DatabaseError> + Send + 'static,
    {
        self.reader.read(QueryLength::Quick, query).await
    }

    /// Bytes on disk: the database and its write-ahead log.
    pub fn size_bytes(&self) -> u64 {
        self.engine.size_bytes()
    }

    /// How near the database's server is to what it can take.
    pub(crate) fn server_load(&self) -> ServerLoad {
        self.engine.server_load()
    }

    /// Files of the database that were damaged and set aside, and the predictions that are known to be lost with them.
    pub fn damage(&self) -> StoreDamage {
        StoreDamage::of(&self.engine.damage_reports())
    }

    /// About how many predictions have to go for the content to take no more than `limit` bytes.
    pub(crate) async fn excess(&self, limit: u64) -> Result<u64, StoreError> {
        let sql = self.engine.content_sql();
        self.reader.read(QueryLength::Quick, move |session| retention::excess(session, sql, limit)).await
    }

    /// Deletes predictions in whole parts of the database; see [`DatabaseEngine::drop_expired`].
    pub(crate) async fn drop_expired(&self, expiry: Expiry) -> Result<u64, StoreError> {
        let engine = Arc::clone(&self.engine);
        let dropping = tokio::task::spawn_blocking(move || engine.drop_expired(expiry));
        dropping.await.map_err(|error| StoreError::Unavailable(error.to_string()))?.map_err(StoreError::from)
    }

    /// Copies the database into a new file, and verifies the copy. Blocks for as long as that takes.
    pub(crate) fn backup(&self, to: &Path) -> Result<VerifiedBackup, StoreError> {
        self.engine.backup(to).map_err(StoreError::from)
    }

    /// Whether the database can be written, as far as is known.
    pub fn is_available(&self) -> bool {
        self.queue.is_accepting()
    }

    /// Records that wait for the writer.
    pub fn queue_depth(&self) -> usize {
        self.queue.depth()
    }

    /// The most records that may wait.
    pub fn queue_limit(&self) -> usize {
        self.queue.limit()
    }

    /// Stores what is queued, refuses what comes after, empties the write-ahead log into the database and closes it.
    /// Reading goes on. Closing twice is fine.
    pub async fn close(&self) {
        self.queue.close();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(|| thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the writer's thread ended in a panic");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn writer_stopped() -> StoreError {
    StoreError::Unavailable("the writer stopped".to_owned())
}
