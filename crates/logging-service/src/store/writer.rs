//! The one thread that writes.
//!
//! Rule of thumb: a caller is answered after its rows are durable, in the file that is at the path. On any doubt the
//! callers hear "unavailable", and the database is opened anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use monitoring::{Backoff, LabelEnum as _};

use super::caution::DatabaseCaution;
use super::declarations;
use super::engine::{DatabaseEngine, WritableDatabase};
use super::error::{DatabaseError, StoreError};
use super::in_force::DeclarationsInForce;
use super::observer::StoreObserver;
use super::queue::{WriteQueue, WriterTask};
use super::queued_write::QueuedWrite;
use super::write_group::WrittenGroup;

/// The most records of one transaction, unless one write alone has more.
const GROUP_RECORDS: usize = 5000;
/// How often a transaction that met others is tried again.
const CONFLICTS: usize = 5;
/// How often an idle database is probed.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// The shortest time between two turns of housekeeping.
const MAINTENANCE_INTERVAL: Duration = Duration::from_millis(50);
/// The first wait between two attempts to open the database.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The longest wait between two attempts to open the database.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// What the writer shares with others.
pub(super) struct WriterParts {
    pub(super) engine: Arc<dyn DatabaseEngine>,
    pub(super) queue: Arc<WriteQueue>,
    pub(super) observer: Arc<dyn StoreObserver>,
    /// What is declared, which the writer reads when it opens the database for the first time.
    pub(super) declared: DeclarationsInForce,
}

/// The writer and what it holds.
pub(super) struct StoreWriter {
    parts: WriterParts,
    /// `None` while the database cannot be opened.
    database: Option<Box<dyn WritableDatabase>>,
    backoff: Backoff,
    /// The wait before the next attempt to open the database.
    retry_delay: Duration,
    maintained: Instant,
    /// What was told last.
    cautions: Vec<DatabaseCaution>,
}

impl StoreWriter {
    /// A writer that has tried once to open the database.
    pub(super) fn new(parts: WriterParts) -> Self {
        let mut writer = Self {
            parts,
            database: None,
            backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
            retry_delay: FIRST_RETRY,
            maintained: Instant::now(),
            cautions: Vec::new(),
        };
        if let Err(error) = writer.open() {
            writer.give_up(error, Vec::new());
        }
        writer
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            let patience = if self.database.is_some() { PROBE_INTERVAL } else { self.retry_delay };
            match self.parts.queue.take(GROUP_RECORDS, patience) {
                WriterTask::Write(writes) => self.write(writes),
                WriterTask::Idle => self.probe_or_open(),
                WriterTask::Closed => break,
            }
        }
        if let Some(database) = self.database.take()
            && let Err(error) = database.close()
        {
            tracing::warn!(%error, "database_not_closed_in_order");
        }
    }

    fn write(&mut self, mut writes: Vec<QueuedWrite>) {
        let Some(database) = &mut self.database else {
            return; // Nothing is let in without a database; a write that is dropped answers "unavailable".
        };
        let started = Instant::now();
        let mut outcome = WrittenGroup::commit(database.as_mut(), &mut writes);
        for _ in 0..CONFLICTS {
            if !matches!(outcome, Err(DatabaseError::Conflict(_))) {
                break;
            }
            outcome = WrittenGroup::commit(database.as_mut(), &mut writes);
        }
        match outcome {
            Ok(mut group) => {
                group.summary.seconds = started.elapsed().as_secs_f64();
                self.answer(group, writes);
            }
            Err(error) => {
                let error = StoreError::from(error);
                self.parts.observer.commit_failed(&error);
                self.reopen(error, writes);
            }
        }
        self.maintain();
    }

    /// Tells the observer of a durable transaction, then its callers.
    fn answer(&self, group: WrittenGroup, writes: Vec<QueuedWrite>) {
        self.parts.queue.observe_speed(group.summary.rows, group.summary.seconds);
        for refused in group.outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            tracing::error!(error = %refused, "batch_refused_by_database");
            self.parts.observer.commit_failed(refused);
        }
        if group.summary.rows > 0 {
            self.parts.observer.committed(&group.summary);
        }
        for (write, outcome) in writes.into_iter().zip(group.outcomes) {
            write.answer(outcome);
        }
    }

    fn maintain(&mut self) {
        if self.maintained.elapsed() < MAINTENANCE_INTERVAL {
            return;
        }
        if let Some(database) = &mut self.database
            && let Err(error) = database.maintain()
        {
            tracing::warn!(%error, "database_maintenance_failed");
        }
        self.maintained = Instant::now();
        self.tell_cautions();
    }

    /// Tells the log and the observer of cautions that are new or over.
    fn tell_cautions(&mut self) {
        let Some(database) = &self.database else { return };
        let found = database.cautions();
        if found == self.cautions {
            return;
        }
        for caution in found.iter().filter(|caution| !self.cautions.contains(caution)) {
            tracing::warn!(caution = caution.as_str(), database = %self.parts.engine.place(), "{}", caution.sentence());
        }
        self.cautions = found.to_vec();
        self.parts.observer.cautions_changed(&self.cautions);
    }

    fn probe_or_open(&mut self) {
        match self.database.as_mut().map(|database| database.probe()) {
            Some(Ok(())) => self.maintain(),
            Some(Err(error)) => self.reopen(error.into(), Vec::new()),
            None => match self.open() {
                Ok(()) => tracing::info!(database = %self.parts.engine.place(), "database_available"),
                Err(error) => {
                    self.retry_delay = self.backoff.next_delay();
                    tracing::debug!(%error, database = %self.parts.engine.place(), "database_still_unavailable");
                    self.parts.queue.refuse(error);
                }
            },
        }
    }

    /// Answers the callers, then tries at once to open the database anew.
    fn reopen(&mut self, error: StoreError, writes: Vec<QueuedWrite>) {
        self.give_up(error, writes);
        self.probe_or_open();
    }

    /// Closes the database, and tells the observer and all callers that it is unavailable.
    fn give_up(&mut self, error: StoreError, mut writes: Vec<QueuedWrite>) {
        tracing::error!(%error, database = %self.parts.engine.place(), "database_unavailable");
        writes.extend(self.parts.queue.refuse(error.clone()));
        self.parts.observer.availability_changed(false);
        for write in writes {
            write.answer(Err(error.clone()));
        }
        if let Some(database) = self.database.take() {
            database.abandon();
        }
    }

    fn open(&mut self) -> Result<(), StoreError> {
        let mut database = self.parts.engine.open_writer()?;
        if self.parts.declared.known().is_none() {
            let mut declared = BTreeMap::new();
            database.transaction(&mut |transaction| {
                declared = declarations::effective(transaction, None)?;
                Ok(())
            })?;
            self.parts.declared.replace(declared);
        }
        self.database = Some(database);
        self.backoff.reset();
        self.parts.queue.accept();
        self.parts.observer.availability_changed(true);
        self.tell_cautions();
        Ok(())
    }
}

impl Drop for StoreWriter {
    /// Also runs where the thread panics, so that no caller goes on waiting.
    fn drop(&mut self) {
        self.parts.queue.refuse(StoreError::Unavailable("the writer stopped".to_owned()));
    }
}
