//! What the store asks of a database engine.
//!
//! Rule of thumb: an engine knows how to be durable; the store knows what is stored, and what it means.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use super::caution::DatabaseCaution;
use super::error::DatabaseError;
use super::row::NewRow;
use super::server_load::ServerLoad;
use super::session::SqlSession;
use super::sqlite::DamageReport;

/// A way to reach one database.
pub(crate) trait DatabaseEngine: Send + Sync {
    /// Opens the database for writing: creates and migrates it where needed, and proves that it can be written.
    ///
    /// # Errors
    /// [`DatabaseError`] says why not; another attempt may succeed.
    fn open_writer(&self) -> Result<Box<dyn WritableDatabase>, DatabaseError>;

    /// Says for how many days predictions will be kept, before the database is opened.
    fn expect_retention(&self, _days: Option<u32>) {}

    /// Opens a read-only connection whose queries end at `deadline`, measured from now.
    ///
    /// # Errors
    /// [`DatabaseError`] says why not.
    fn open_reader(&self, deadline: Duration) -> Result<Box<dyn SqlSession>, DatabaseError>;

    /// Bytes on disk, as far as they are known.
    fn size_bytes(&self) -> u64;

    /// How near the server is to what it can take, as far as that is known.
    fn server_load(&self) -> ServerLoad {
        ServerLoad::default()
    }

    /// SQL that gives the bytes that the content takes, without free space, and about how many predictions there are.
    /// Deleting lowers both at once, unlike [`DatabaseEngine::size_bytes`].
    fn content_sql(&self) -> &'static str;

    /// Where the database is, for logs: without a password.
    fn place(&self) -> String;

    /// Copies the database into a new file, and verifies the copy.
    ///
    /// # Errors
    /// [`DatabaseError`] says why there is no copy.
    fn backup(&self, to: &Path) -> Result<VerifiedBackup, DatabaseError>;

    /// Deletes predictions in whole parts of the database, the oldest first. Gives how many it deleted; there may be more,
    /// to be deleted one by one.
    ///
    /// # Errors
    /// [`DatabaseError`]; what was deleted before stays so.
    fn drop_expired(&self, _expiry: Expiry) -> Result<u64, DatabaseError> {
        Ok(0)
    }

    /// What is known of files that were damaged, until a person removes the reports.
    fn damage_reports(&self) -> Vec<DamageReport> {
        Vec::new()
    }

    /// Looks for what is wrong with the database.
    ///
    /// # Errors
    /// [`DatabaseError`] where it cannot be looked at.
    fn check(&self) -> Result<CheckFindings, DatabaseError>;
}

/// Which predictions are expired.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expiry {
    /// The ones that were made before this time, in microseconds since 1970.
    pub(crate) until: i64,
    /// No more than these, the oldest first.
    pub(crate) most: u64,
    /// None that is not in the lake.
    pub(crate) is_for_lake: bool,
}

/// A verified copy of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedBackup {
    /// Predictions in it.
    pub(crate) rows: u64,
    /// Its size.
    pub(crate) bytes: u64,
}

/// What was damaged, until a person removes the reports beside the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreDamage {
    /// Damaged files that are kept beside the database.
    pub files: usize,
    /// Predictions that are known to be lost with them.
    pub lost_predictions: u64,
}

impl StoreDamage {
    /// The sum of reports.
    pub(super) fn of(reports: &[DamageReport]) -> Self {
        let lost_predictions = reports.iter().map(|report| report.lost_predictions).sum();
        Self { files: reports.len(), lost_predictions }
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CheckFindings {
    /// Predictions in the database.
    pub(crate) rows: u64,
    /// Windows of the last day, by model and file, whose counts were compared with their rows.
    pub(crate) windows: usize,
    /// What is wrong, each in a sentence.
    pub(crate) problems: Vec<String>,
}

/// What is done inside of a transaction.
pub(crate) type TransactionBody<'a> = dyn FnMut(&mut dyn WriteTransaction) -> Result<(), DatabaseError> + 'a;

/// A database that is open for writing, by one thread.
pub(crate) trait WritableDatabase: Send {
    /// Runs `body` in one transaction; returns when it is durable.
    ///
    /// # Errors
    /// The error of `body`, which rolls back, or of the commit; whether the transaction took place is open then.
    fn transaction(&mut self, body: &mut TransactionBody<'_>) -> Result<(), DatabaseError>;

    /// Checks, without writing, that a commit would have a chance.
    ///
    /// # Errors
    /// [`DatabaseError`] says why not.
    fn probe(&mut self) -> Result<(), DatabaseError>;

    /// Does a small part of the housekeeping that is due; called often, between transactions.
    ///
    /// # Errors
    /// [`DatabaseError`]; the database may still be sound.
    fn maintain(&mut self) -> Result<(), DatabaseError>;

    /// What about the database is to be known before it fails, as of the last look.
    fn cautions(&self) -> &[DatabaseCaution] {
        &[]
    }

    /// Closes the database in order.
    ///
    /// # Errors
    /// [`DatabaseError`]; what was committed is safe all the same.
    fn close(self: Box<Self>) -> Result<(), DatabaseError>;

    /// Closes a database whose use failed.
    fn abandon(self: Box<Self>);
}

/// A transaction under way.
pub(crate) trait WriteTransaction: SqlSession {
    /// Runs `body` so that its failure undoes only what it did itself.
    ///
    /// # Errors
    /// The error of `body`.
    fn savepoint(&mut self, body: &mut TransactionBody<'_>) -> Result<(), DatabaseError>;

    /// Inserts rows; says of each whether it is new. `recorded_at` is in microseconds since 1970.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`] where a record breaks a constraint, and others.
    fn insert(&mut self, rows: &[NewRow], recorded_at: i64) -> Result<Vec<bool>, DatabaseError>;

    /// Where the predictions of requests lie, in an engine that would look into many places for each of them. It need not say
    /// it of all.
    ///
    /// # Errors
    /// [`DatabaseError`].
    fn locate(&mut self, _request_ids: &[&str]) -> Result<LocatedRequests, DatabaseError> {
        Ok(LocatedRequests::new())
    }

    /// Takes a lock and holds it until this transaction ends; others who want it wait meanwhile. Needed where several
    /// programs write to one database and read before they write.
    ///
    /// # Errors
    /// [`DatabaseError`].
    fn lock(&mut self, lock: TransactionLock) -> Result<(), DatabaseError>;
}

/// The first and the last event id of each request; `None` for a request that has no prediction.
pub(crate) type LocatedRequests = BTreeMap<String, Option<[Uuid; 2]>>;

/// What a transaction may lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionLock {
    /// The labels and their counts.
    Labels,
    /// The CloudEvents that wait for their counterparts.
    Events,
    /// Retention.
    Retention,
    /// The merged counts of windows.
    Windows,
    /// Storing predictions: programs that store some now are waited for.
    Storing,
}
