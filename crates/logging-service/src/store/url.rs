//! Where a database is, and the engine that reaches it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::engine::DatabaseEngine;
use super::error::StoreError;
use super::postgres::{PostgresEngine, ServerUrl};
use super::sqlite::{DatabasePath, SqliteEngine};

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(DatabasePath),
    /// A server.
    Postgres(ServerUrl),
}

impl DatabaseUrl {
    /// The files of a database that is one.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Sqlite(path) => vec![path.database().to_owned(), path.wal(), path.wal_index()],
            Self::Postgres(_) => Vec::new(),
        }
    }

    pub(crate) fn engine(&self) -> Arc<dyn DatabaseEngine> {
        match self {
            Self::Sqlite(path) => Arc::new(SqliteEngine::new(path.clone())),
            Self::Postgres(url) => Arc::new(PostgresEngine::new(url.clone())),
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
