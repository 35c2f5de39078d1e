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

/// What became of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AcceptedLabels)]
pub(crate) struct LabelAcknowledgement {
    /// New labels, now on the disk.
    pub(crate) accepted: u64,
    /// Labels that were there already, or came twice in the submission.
    pub(crate) duplicates: u64,
    /// New ones whose predictions are there and say nothing that the label could be held against: a text for a regression, a
    /// label for what is neither class nor number, or for a prediction that failed. Absent where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    pub(crate) uncounted: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
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
