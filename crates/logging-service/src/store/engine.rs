//! What the store asks of a database engine, and where a database is.
//!
//! Rule of thumb: an engine knows how to be durable; what is stored, and what it means, is the store's.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::StoreError;
use super::check::Findings;
use super::postgres::{Postgres, ServerUrl};
use super::row::NewRow;
use super::session::{DatabaseError, Session};
use super::sqlite::{DatabasePath, Sqlite};

/// A way to reach one database.
pub(crate) trait Engine: Send + Sync {
    /// Opens the database for writing: creates and migrates it where needed, and proves that it can be written.
    ///
    /// # Errors
    /// [`DatabaseError`] says why not; another attempt may succeed.
    fn open_writer(&self) -> Result<Box<dyn Database>, DatabaseError>;

    /// A read-only connection whose queries end at `deadline`, measured from now.
    ///
    /// # Errors
    /// [`DatabaseError`] says why not.
    fn open_reader(&self, deadline: Duration) -> Result<Box<dyn Session>, DatabaseError>;

    /// Bytes on disk, as far as they are known.
    fn size_bytes(&self) -> u64;

    /// SQL that gives the bytes that the content takes, without free space, and about how many predictions there are.
    /// Deleting lowers both at once, other than [`Engine::size_bytes`].
    fn content(&self) -> &'static str;

    /// Where the database is, for logs: without a password.
    fn place(&self) -> String;

    /// Copies the database into a new file, and verifies the copy.
    ///
    /// # Errors
    /// [`DatabaseError`] says why there is no copy.
    fn backup(&self, to: &Path) -> Result<Backup, DatabaseError>;

    /// Looks for what is wrong with the database.
    ///
    /// # Errors
    /// [`DatabaseError`] where it cannot be looked at.
    fn check(&self) -> Result<Findings, DatabaseError>;
}

/// A verified copy of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    /// Predictions in it.
    pub(crate) rows: u64,
    /// Its size.
    pub(crate) bytes: u64,
}

/// What is done inside of a transaction.
pub(crate) type Work<'a> = dyn FnMut(&mut dyn Transaction) -> Result<(), DatabaseError> + 'a;

/// A database that is open for writing, by one thread.
pub(crate) trait Database: Send {
    /// Runs `work` in one transaction; returns when it is durable.
    ///
    /// # Errors
    /// That of `work`, which rolls back, or of the commit; whether it took place is open then.
    fn transaction(&mut self, work: &mut Work<'_>) -> Result<(), DatabaseError>;

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

    /// Closes the database in order.
    ///
    /// # Errors
    /// [`DatabaseError`]; what was committed is safe all the same.
    fn close(self: Box<Self>) -> Result<(), DatabaseError>;

    /// Closes a database whose use failed.
    fn abandon(self: Box<Self>);
}

/// A transaction under way.
pub(crate) trait Transaction: Session {
    /// Runs `work` so that its failure undoes only itself.
    ///
    /// # Errors
    /// That of `work`.
    fn savepoint(&mut self, work: &mut Work<'_>) -> Result<(), DatabaseError>;

    /// Inserts rows; says of each whether it is new. `recorded_at` is in microseconds since 1970.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`] where a record breaks a constraint, and others.
    fn insert(&mut self, rows: &[NewRow], recorded_at: i64) -> Result<Vec<bool>, DatabaseError>;

    /// Whoever else wants the lock waits until this transaction ends. Needed where several programs write to one
    /// database and read before they write.
    ///
    /// # Errors
    /// [`DatabaseError`].
    fn lock(&mut self, lock: Lock) -> Result<(), DatabaseError>;

    /// Sets this program's counts apart from those of others that write at the same time.
    fn writer(&self) -> &str;
}

/// What a transaction may lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// The labels and their counts.
    Labels,
    /// The CloudEvents that wait for their counterparts.
    Events,
    /// Retention.
    Retention,
}

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(DatabasePath),
    /// A server.
    Postgres(ServerUrl),
}

impl DatabaseUrl {
    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        match self {
            Self::Sqlite(path) => Arc::new(Sqlite::new(path.clone())),
            Self::Postgres(url) => Arc::new(Postgres::new(url.clone())),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return url.parse().map(Self::Postgres);
        }
        url.parse().map(Self::Sqlite)
    }
}

impl From<DatabasePath> for DatabaseUrl {
    fn from(path: DatabasePath) -> Self {
        Self::Sqlite(path)
    }
}

impl From<ServerUrl> for DatabaseUrl {
    fn from(url: ServerUrl) -> Self {
        Self::Postgres(url)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}
