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

/// What the parameters begin with that name a tag.
pub(super) const TAG: &str = "tag.";

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
pub(super) fn check_tag(key: &str) -> Result<(), ApiError> {
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
