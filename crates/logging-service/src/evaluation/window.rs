//! The windows that are evaluated all the time.

use std::str::FromStr;

use utoipa::ToSchema;

use crate::store::time::TimeRange;
use crate::store::windows::BUCKET;

/// A span of time that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(as = Window)]
pub(crate) enum EvaluationWindow {
    /// One hour.
    #[schema(rename = "1h")]
    Hour,
    /// 24 hours.
    #[schema(rename = "24h")]
    Day,
    /// 7 days.
    #[schema(rename = "7d")]
    Week,
}

impl EvaluationWindow {
    /// Every window, the shortest first.
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// Its name in metrics and queries.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// The range of whole buckets that covers the window: it begins up to five minutes before the window, and ends with
    /// the bucket of `now`, which is in microseconds since 1970.
    pub(crate) fn range(self, now: i64) -> TimeRange {
        let aligned = |time: i64| time.div_euclid(BUCKET) * BUCKET;
        TimeRange { since: aligned(now - i64::from(self.hours()) * 3_600_000_000), until: aligned(now) + BUCKET }
    }

    /// The length of its range, which is the same at any time.
    pub(crate) fn seconds(self) -> f64 {
        self.range(0).seconds()
    }

    /// The length of intervals that show how it went, as questions name it.
    pub(crate) fn interval(self) -> &'static str {
        match self {
            Self::Hour => "5m",
            Self::Day => "1h",
            Self::Week => "6h",
        }
    }

    fn hours(self) -> u16 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 168,
        }
    }
}

/// The bucket that is filled at `now`, in microseconds since 1970, and the one before.
pub(super) fn last_buckets(now: i64) -> [TimeRange; 2] {
    let begin = now.div_euclid(BUCKET) * BUCKET;
    [begin - BUCKET, begin].map(|since| TimeRange { since, until: since + BUCKET })
}

impl FromStr for EvaluationWindow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|window| window.as_str() == text).ok_or_else(|| "expected 1h, 24h or 7d".to_owned())
    }
}
