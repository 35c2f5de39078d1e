//! The same filter, held against rows that do not lie in the database.
//!
//! Rule of thumb: each condition here says what its SQL says in `filter.rs`; a test compares the two.

use super::filter::{PredictionFilter, spellings};
use super::row::StoredPrediction;
use super::time::{ceil_microseconds, floor_microseconds};

impl PredictionFilter {
    /// Whether a prediction is one of those that are asked for.
    pub(crate) fn matches(&self, row: &StoredPrediction) -> bool {
        // Taken apart, so that no field is forgotten.
        let Self {
            model,
            version,
            label,
            status,
            defect,
            since,
            until,
            min_confidence,
            max_confidence,
            request_id,
            tags,
            labelled,
        } = self;
        let record = &row.record;
        let time = record.occurred_at.map_or(0, floor_microseconds);
        model.as_ref().is_none_or(|model| *model == record.model)
            && version.as_ref().is_none_or(|version| Some(version) == record.version.as_ref())
            && label
                .as_ref()
                .is_none_or(|label| record.label.as_ref().is_some_and(|own| spellings(label).contains(own)))
            && status.is_none_or(|status| status == record.status)
            && defect.is_none_or(|defect| defect == record.defect)
            && since.is_none_or(|since| time >= ceil_microseconds(since))
            && until.is_none_or(|until| time < ceil_microseconds(until))
            && min_confidence.is_none_or(|least| record.confidence.is_some_and(|own| own >= least))
            && max_confidence.is_none_or(|most| record.confidence.is_some_and(|own| own <= most))
            && request_id.as_ref().is_none_or(|id| Some(id) == record.request_id.as_ref())
            && tags.iter().all(|(name, value)| record.tags.get(name) == Some(value))
            && labelled.is_none_or(|labelled| labelled == row.true_label.is_some())
    }
}
