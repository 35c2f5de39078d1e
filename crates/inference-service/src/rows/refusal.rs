//! Why rows are refused.

use monitoring::{ApiError, ErrorCode, LabelEnum as _};

use crate::model::features::RefusalReason;

/// What is wrong with rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowRefusal {
    /// A value of a row.
    Value {
        /// The row's place, from 0.
        row: usize,
        feature: String,
        reason: RefusalReason,
        /// A text that goes behind the feature's name.
        problem: String,
    },
    /// A row as a whole.
    Row { row: usize, problem: String },
    /// A column that the model does not have, or that stands twice.
    Column { feature: String, problem: String },
    /// More rows than are taken at once.
    TooMany { most: usize },
}

impl From<RowRefusal> for ApiError {
    fn from(refusal: RowRefusal) -> Self {
        let unfit = |sentence: String| Self::new(ErrorCode::InvalidInput, sentence);
        match refusal {
            RowRefusal::Value { row, feature, reason, problem } => {
                let logged = format!("Row {row} is refused: \"{}\" {}.", shown(&feature), reason.in_words());
                unfit(format!("Row {row} is refused: \"{}\" {problem}.", shown(&feature)))
                    .logged_as(logged)
                    .detail("row", row)
                    .detail("feature", feature)
                    .detail("reason", reason.as_str())
            }
            RowRefusal::Row { row, problem } => unfit(format!("Row {row} is refused: {problem}."))
                .logged_as(format!("Row {row} is refused as a whole."))
                .detail("row", row),
            // Where a header was left out, the names of the columns are the values of a row.
            RowRefusal::Column { feature, problem } => unfit(format!("The column \"{}\" {problem}.", shown(&feature)))
                .logged_as("A column is none of the model's features, or stands twice.")
                .detail("feature", feature),
            RowRefusal::TooMany { most } => Self::new(
                ErrorCode::TooLarge,
                format!(
                    "The request has more than {most} rows, the most that are taken at once (--max-batch); send it in parts."
                ),
            ),
        }
    }
}

/// A table that cannot be read as what it claims to be.
pub(crate) fn unreadable(what: &str, problem: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, format!("The {what} cannot be read: {problem}."))
        .logged_as(format!("The {what} cannot be read."))
}

/// A name as a sentence shows it, cut where it is long.
pub(super) fn shown(name: &str) -> String {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
    if shown.len() == name.len() { shown } else { format!("{shown}…") }
}
