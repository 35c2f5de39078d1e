//! What a caller is told once its records are on the disk.

use serde::Serialize;
use utoipa::ToSchema;

use super::observer::CommitSummary;

/// What became of a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Accepted)]
pub struct Acknowledgement {
    /// New records, now on the disk.
    pub accepted: u64,
    /// Records whose event id was there already, or came twice in the submission.
    pub duplicates: u64,
}

impl Acknowledgement {
    /// The sum over all models.
    pub(super) fn of(summary: &CommitSummary) -> Self {
        summary.models.values().fold(Self::default(), |sum, counts| Self {
            accepted: sum.accepted + counts.accepted,
            duplicates: sum.duplicates + counts.duplicates,
        })
    }
}
