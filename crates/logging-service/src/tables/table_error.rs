//! Why a table cannot be read.

use super::limits::MAX_COLUMNS;

/// Why a table, or a row of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// One row; the next one can be read.
    #[error("row {row}: {problem}")]
    Row {
        /// Its place in the file, counted from 1.
        row: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The file as a whole, or its rest.
    #[error("{0}")]
    File(String),
}

impl TableError {
    /// The file as a whole.
    pub(super) fn file(problem: impl std::fmt::Display) -> Self {
        Self::File(problem.to_string())
    }

    /// There are more columns than a table may have.
    pub(super) fn too_many_columns() -> Self {
        Self::File(format!("there are more than {MAX_COLUMNS} columns; keep those that are needed"))
    }
}
