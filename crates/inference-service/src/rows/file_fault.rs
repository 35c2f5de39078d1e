//! Why a file of rows is refused, and the guard around its decoder.

use std::panic::{AssertUnwindSafe, catch_unwind};

use monitoring::{ApiError, ErrorCode};

use super::refusal::{RowRefusal, unreadable};

/// What is wrong with a file of rows.
#[derive(Debug)]
pub(super) enum FileFault {
    /// It is not what it claims to be, or has what is not read here.
    Unreadable(String),
    /// It would unpack to more than is taken.
    TooLarge(String),
    /// One of its rows or columns.
    Rows(RowRefusal),
}

impl FileFault {
    pub(super) fn unreadable(problem: impl Into<String>) -> Self {
        Self::Unreadable(problem.into())
    }

    /// The same, said of a column.
    pub(super) fn of_column(self, name: &str) -> Self {
        match self {
            Self::Unreadable(problem) => Self::Unreadable(format!("in the column \"{name}\", {problem}")),
            other => other,
        }
    }

    fn refusal(self, what: &str) -> ApiError {
        match self {
            Self::Unreadable(problem) => unreadable(what, &cut(&problem)),
            Self::TooLarge(problem) => {
                ApiError::new(ErrorCode::TooLarge, format!("The {what} is too large: {problem}."))
            }
            Self::Rows(refusal) => refusal.into(),
        }
    }
}

/// A problem as a sentence shows it: a library may tell of names that are as long as their file.
fn cut(problem: &str) -> String {
    const SHOWN: usize = 300;
    let shown: String = problem.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
    if shown.len() == problem.len() { shown } else { format!("{shown}…") }
}

impl From<RowRefusal> for FileFault {
    fn from(refusal: RowRefusal) -> Self {
        Self::Rows(refusal)
    }
}

/// Reads a file. A panic is a refusal too, because decoders work on bytes that strangers choose.
///
/// # Errors
/// `invalid_request`, `too_large`, or `invalid_input` naming row and feature.
pub(super) fn guarded<T>(what: &str, work: impl FnOnce() -> Result<T, FileFault>) -> Result<T, ApiError> {
    let read = catch_unwind(AssertUnwindSafe(work));
    read.unwrap_or_else(|_| Err(FileFault::unreadable("its decoder gave up"))).map_err(|fault| fault.refusal(what))
}
