//! The windows that are looked at all the time.

use std::str::FromStr;

use utoipa::ToSchema;

use crate::store::windows::BUCKET;

/// A span of time that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
pub(crate) enum Window {
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

impl Window {
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

    /// The range of whole buckets that covers it: from up to five minutes more than its length ago until the end of the
    /// bucket of `now`; all in microseconds since 1970.
    pub(crate) fn range(self, now: i64) -> (i64, i64) {
        let hours = match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 168,
        };
        let aligned = |time: i64| time.div_euclid(BUCKET) * BUCKET;
        (aligned(now - hours * 3_600_000_000), aligned(now) + BUCKET)
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|window| window.as_str() == text).ok_or_else(|| "expected 1h, 24h or 7d".to_owned())
    }
}
