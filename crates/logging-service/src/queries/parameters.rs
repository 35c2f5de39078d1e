//! Reads the parameters of a query; a refusal says what was expected.

use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::{InvalidTime, MAX_TAGS, Tags, parse_time};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use utoipa::IntoParams;

use crate::evaluation::EvaluationWindow;
use crate::store::counted_segments::segment;
use crate::store::time::{TimeRange, ceil_microseconds, floor_microseconds};
use crate::store::windows::SegmentScope;

/// What the parameters begin with that name a tag.
const TAG: &str = "tag.";

/// Reads all parameters of a query.
pub(crate) fn parse_query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q, ApiError> {
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|problem| {
        let problem = problem.body_text();
        let problem = problem.strip_prefix("Failed to deserialize query string: ").unwrap_or(&problem);
        refused(problem)
    })
}

/// Reads all parameters of a query, those that name a tag apart: `tag.region=eu`.
pub(super) fn parse_tagged_query<Q: DeserializeOwned>(uri: &Uri) -> Result<(Q, Tags), ApiError> {
    let (of_tags, others): (Vec<&str>, Vec<&str>) =
        uri.query().unwrap_or_default().split('&').partition(|pair| pair.starts_with(TAG));
    let query = |pairs: &[&str]| format!("/?{}", pairs.join("&")).parse::<Uri>().map_err(|_| refused("it is no query"));
    if of_tags.len() > MAX_TAGS {
        return Err(refused(&format!("it names more than {MAX_TAGS} tags, which no prediction has")));
    }
    let mut tags = Tags::new();
    for (name, value) in parse_query::<Vec<(String, String)>>(&query(&of_tags)?)? {
        let key = name.strip_prefix(TAG).unwrap_or_default();
        check_tag(key)?;
        if tags.insert(key.to_owned(), value).is_some() {
            return Err(refused(&format!("{name} stands twice, and a prediction has one value of each tag")));
        }
    }
    Ok((parse_query(&query(&others)?)?, tags))
}

/// Refuses what can be no tag's key.
fn check_tag(key: &str) -> Result<(), ApiError> {
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_key { Ok(()) } else { Err(refused("a tag is named by letters, digits, _ and -, as in tag.region=eu")) }
}

/// The parameters that name a tag.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes what parse_tagged_query reads")]
pub(crate) struct TagParameters {
    /// Predictions whose tag `KEY` has this value; several tags each by a parameter of their own.
    #[param(rename = "tag.KEY", value_type = Option<String>)]
    tag: Option<String>,
}

/// The refusal of a query that cannot be read.
pub(crate) fn refused(problem: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, format!("The query cannot be read: {problem}."))
}

pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_time(&text).map(Some).map_err(|problem| match problem {
        InvalidTime::Offset | InvalidTime::Beyond => D::Error::custom(problem),
        // A plus sign in a query stands for a space, so +01:00 arrives as a space and 01:00.
        InvalidTime::Text(_) if text.contains(' ') => D::Error::custom(
            "expected a time such as 2026-03-01T12:30:00Z without a space; the + of an offset such as +01:00 is written %2B, because \
             a + in a query stands for a space",
        ),
        InvalidTime::Text(_) => D::Error::custom(
            "expected a time such as 2026-03-01T12:30:00Z; the + of an offset is written %2B",
        ),
    })
}

pub(super) fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    parsed(deserializer, |number| (0.0..=1.0).contains(number), "expected a number from 0 to 1")
}

pub(super) fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    parsed(deserializer, |_| true, "expected a whole number")
}

pub(crate) fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EvaluationWindow>, D::Error> {
    parsed(deserializer, |_| true, "expected 1h, 24h or 7d")
}

/// Reads a parameter, or says what was expected of it.
fn parsed<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
    valid: impl Fn(&T) -> bool,
    expected: &str,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let value = text.parse().ok().filter(valid).ok_or_else(|| D::Error::custom(expected))?;
    Ok(Some(value))
}

/// Refuses a range that ends before it begins.
pub(super) fn in_order(since: Option<Timestamp>, until: Option<Timestamp>) -> Result<(), ApiError> {
    match (since, until) {
        (Some(since), Some(until)) if since > until => {
            Err(refused(&format!("since ({since}) lies after until ({until}); exchange them")))
        }
        _ => Ok(()),
    }
}

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
}

impl WindowQuery {
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
