//! The one thread that writes.
//!
//! Rule of thumb: an answer is given after its rows are durable, in the file that is at the path. On
//! any doubt the callers hear "unavailable", and the database is opened anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::engine::{Database, Engine};
use super::observer::{CommitSummary, StoreObserver};
use super::queue::{Batch, Queue, Work};
use super::row::floor_microseconds;
use super::session::DatabaseError;
use super::windows::Windows;
use super::{Accepted, StoreError};

/// The most records of one transaction, unless one batch alone has more.
const GROUP_RECORDS: usize = 5000;
/// How often a transaction that met others is tried again.
const CONFLICTS: usize = 5;
/// How often an idle database is looked at.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// How often the database is kept in order at most.
const MAINTENANCE_INTERVAL: Duration = Duration::from_millis(50);
/// Waits between attempts to open the database: the first, and the longest.
const RETRY_INTERVALS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The writer and what it holds.
pub(super) struct Writer {
    engine: Arc<dyn Engine>,
    queue: Arc<Queue>,
    observer: Arc<dyn StoreObserver>,
    /// `None` while the database cannot be opened.
    database: Option<Box<dyn Database>>,
    retry_interval: Duration,
    maintained: Instant,
}

impl Writer {
    /// A writer that has tried once to open the database.
    pub(super) fn new(engine: Arc<dyn Engine>, queue: Arc<Queue>, observer: Arc<dyn StoreObserver>) -> Self {
        let (retry_interval, maintained) = (RETRY_INTERVALS.0, Instant::now());
        let mut writer = Self { engine, queue, observer, database: None, retry_interval, maintained };
        if let Err(error) = writer.open() {
            writer.give_up(error, Vec::new());
        }
        writer
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            let patience = if self.database.is_some() { PROBE_INTERVAL } else { self.retry_interval };
            match self.queue.take(GROUP_RECORDS, patience) {
                Work::Batches(batches) => self.write(batches),
                Work::Idle => self.probe_or_open(),
                Work::Closed => break,
            }
        }
        if let Some(database) = self.database.take()
            && let Err(error) = database.close()
        {
            tracing::warn!(%error, "database_not_closed_in_order");
        }
    }

    fn write(&mut self, mut batches: Vec<Batch>) {
        let Some(database) = &mut self.database else {
            return; // Nothing is let in without a database; a batch that is dropped answers "unavailable".
        };
        let started = Instant::now();
        let mut outcome = store(database.as_mut(), &mut batches);
        for _ in 0..CONFLICTS {
            if !matches!(outcome, Err(DatabaseError::Conflict(_))) {
                break;
            }
            outcome = store(database.as_mut(), &mut batches);
        }
        match outcome {
            Ok(mut group) => {
                group.summary.seconds = started.elapsed().as_secs_f64();
                self.queue.observe_speed(group.summary.rows, group.summary.seconds);
                for refused in group.outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
                    tracing::error!(error = %refused, "batch_refused_by_database");
                    self.observer.commit_failed(refused);
                }
                if group.summary.rows > 0 {
                    self.observer.committed(&group.summary);
                }
                for (batch, outcome) in batches.into_iter().zip(group.outcomes) {
                    batch.answer(outcome);
                }
            }
            Err(error) => {
                let error = StoreError::from(error);
                self.observer.commit_failed(&error);
                self.reopen(error, batches);
            }
        }
        self.maintain();
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
    }

    fn probe_or_open(&mut self) {
        match self.database.as_mut().map(|database| database.probe()) {
            Some(Ok(())) => self.maintain(),
            Some(Err(error)) => self.reopen(error.into(), Vec::new()),
            None => match self.open() {
                Ok(()) => tracing::info!(database = %self.engine.place(), "database_available"),
                Err(error) => {
                    self.retry_interval = (self.retry_interval * 2).min(RETRY_INTERVALS.1);
                    tracing::debug!(%error, database = %self.engine.place(), "database_still_unavailable");
                    self.queue.refuse(error);
                }
            },
        }
    }

    /// Answers the callers, then tries at once to open the database anew.
    fn reopen(&mut self, error: StoreError, batches: Vec<Batch>) {
        self.give_up(error, batches);
        self.retry_interval = RETRY_INTERVALS.0;
        self.probe_or_open();
    }

    /// Closes the database and lets everybody know.
    fn give_up(&mut self, error: StoreError, mut batches: Vec<Batch>) {
        tracing::error!(%error, database = %self.engine.place(), "database_unavailable");
        batches.extend(self.queue.refuse(error.clone()));
        self.observer.availability(false);
        for batch in batches {
            batch.answer(Err(error.clone()));
        }
        if let Some(database) = self.database.take() {
            database.abandon();
        }
    }

    fn open(&mut self) -> Result<(), StoreError> {
        self.database = Some(self.engine.open_writer()?);
        self.queue.accept();
        self.observer.availability(true);
        Ok(())
    }
}

impl Drop for Writer {
    /// Also where the thread panics: then nobody may go on waiting.
    fn drop(&mut self) {
        self.queue.refuse(StoreError::Unavailable("the writer stopped".to_owned()));
    }
}

/// What became of the batches of one transaction.
struct Group {
    summary: CommitSummary,
    /// One for each batch, in order.
    outcomes: Vec<Result<Accepted, StoreError>>,
}

/// Stores the batches in one durable transaction. A batch that breaks a constraint is left out whole.
fn store(database: &mut dyn Database, batches: &mut [Batch]) -> Result<Group, DatabaseError> {
    let mut group = Group { summary: CommitSummary::default(), outcomes: Vec::with_capacity(batches.len()) };
    let mut windows = Windows::default();
    let recorded_at = floor_microseconds(Timestamp::now());
    database.transaction(&mut |transaction| {
        for batch in batches.iter_mut() {
            let mut summary = CommitSummary::default();
            let outcome = transaction.savepoint(&mut |part| match batch {
                Batch::Records { rows, counted, .. } => {
                    let new = part.insert(rows, recorded_at)?;
                    match counted.take_if(|_| new.iter().all(|&new| new)) {
                        Some(counted) => {
                            summary = counted.summary;
                            windows.merge(counted.windows);
                        }
                        None => {
                            summary = CommitSummary::of(rows, Some(&new));
                            let new = rows.iter().zip(&new).filter(|(_, new)| **new);
                            windows.observe(new.map(|(row, _)| &row.record));
                        }
                    }
                    Ok(())
                }
                Batch::Job(job) => job.run(part),
            });
            match outcome {
                Ok(()) => {
                    group.outcomes.push(Ok(Accepted::of(&summary)));
                    group.summary.merge(summary);
                }
                Err(DatabaseError::Refused(problem)) => group.outcomes.push(Err(StoreError::Refused(problem))),
                Err(error) => return Err(error),
            }
        }
        windows.save(transaction)
    })?;
    Ok(group)
}
