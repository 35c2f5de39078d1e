//! Which model and which window a question is about.

use jiff::Timestamp;
use monitoring::ApiError;
use prediction_record::Tags;
use serde::Deserialize;
use utoipa::IntoParams;

use super::intervals::{parse_length, whole_intervals};
use super::parameters::{TAG, check_tag, in_order, refused, time, window};
use crate::evaluation::EvaluationWindow;
use crate::store::counted_segments::segment;
use crate::store::time::{TimeRange, ceil_microseconds, floor_microseconds};
use crate::store::windows::SegmentScope;

/// A model, and a window that ends now or a range of time; the last 24 hours if neither is given.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// Name of the model; all if it is left out.
    pub(super) model: Option<String>,
    /// Counts each value of a declared tag apart, as in `tag.region`.
    by: Option<String>,
    /// A window that ends now, instead of `since` and `until`; `24h` if none of them is given.
    #[serde(default, deserialize_with = "window")]
    #[param(inline)]
    window: Option<EvaluationWindow>,
    /// The beginning of the range; 1970 where only `until` is given.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The end of the range; not part of it.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Also by intervals of this length, a multiple of five minutes and at most 60 of them; needs `model`, and is about the file of it
    /// that stands first. Each begins at a multiple of the length.
    #[param(pattern = "^[1-9][0-9]{0,4}[smhd]$")]
    interval: Option<String>,
}

impl WindowQuery {
    /// The intervals that are asked for; none, if none are.
    pub(super) fn intervals(&self, range: TimeRange) -> Result<Vec<TimeRange>, ApiError> {
        let Some(interval) = &self.interval else { return Ok(Vec::new()) };
        if self.model.is_none() {
            return Err(refused("interval needs model"));
        }
        whole_intervals(range, parse_length(interval)?)
    }

    /// The predictions that are meant, of those in the range. Counts are kept for one tag at a time.
    pub(super) fn scope(&self, tags: Tags) -> Result<SegmentScope, ApiError> {
        let mut tags = tags.into_iter();
        match (&self.by, tags.next(), tags.next()) {
            (None, None, _) => Ok(SegmentScope::Whole),
            (None, Some((key, value)), None) => Ok(SegmentScope::One(segment(&key, &value))),
            (Some(by), None, _) => {
                let key = by.strip_prefix(TAG).ok_or_else(|| refused("by expects a tag, such as by=tag.region"))?;
                check_tag(key)?;
                Ok(SegmentScope::ByTag(key.to_owned()))
            }
            _ => Err(refused("counts are kept for one tag at a time; ask for one of them, or for predictions")),
        }
    }

    /// The range in microseconds since 1970.
    pub(super) fn range(&self) -> Result<TimeRange, ApiError> {
        let now = floor_microseconds(Timestamp::now());
        match (self.window, self.since, self.until) {
            (window, None, None) => Ok(window.unwrap_or(EvaluationWindow::Day).range(now)),
            (Some(_), _, _) => Err(refused("window and since or until exclude each other")),
            (None, since, until) => {
                in_order(since, until)?;
                // A range that ends now and begins later is empty, as where rows are asked for.
                let now = since.map_or(now, |since| now.max(ceil_microseconds(since)));
                // Stored times are whole microseconds, so a bound between two of them moves up to the next.
                let until = until.map_or(now, ceil_microseconds);
                // The range stands in the answer, so it begins where RFC 3339 can say it.
                Ok(TimeRange { since: since.map_or(until.min(0), ceil_microseconds), until })
            }
        }
    }
}
