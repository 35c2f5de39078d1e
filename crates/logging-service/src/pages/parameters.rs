//! The parameters of a page, in the words of the API.

use axum::http::Uri;
use monitoring::ApiError;
use pages::Query;

use crate::queries::parameters::{parse_query, refused};

/// What stands in the address of a page.
pub(super) struct PageParameters(Vec<(String, String)>);

impl PageParameters {
    /// # Errors
    /// If the query cannot be read.
    pub(super) fn of(uri: &Uri) -> Result<Self, ApiError> {
        parse_query(uri).map(Self)
    }

    /// The parameters as the API knows them, where a form may have made them: without what was left empty, and with the zone
    /// of each time.
    ///
    /// # Errors
    /// If the query cannot be read.
    pub(super) fn of_form(uri: &Uri) -> Result<Self, ApiError> {
        let Self(given) = Self::of(uri)?;
        let filled = given.into_iter().filter(|(_, value)| !value.is_empty());
        Ok(Self(filled.map(|(name, value)| (name.clone(), with_zone(&name, value))).collect()))
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The names and values for which a form with these fields has none.
    pub(super) fn beside<'a>(&'a self, fields: &'a [&str]) -> impl Iterator<Item = &'a (String, String)> {
        self.0.iter().filter(|(name, _)| !fields.contains(&name.as_str()))
    }

    /// A link with the same parameters, but for these, and one that may have a new value.
    pub(super) fn but(&self, without: &[&str], name: &str, value: Option<&str>) -> Query {
        let kept = self.0.iter().filter(|(given, _)| given != name && !without.contains(&given.as_str()));
        kept.fold(Query::default(), |query, (name, value)| query.with(name, value)).with_some(name, value)
    }

    /// The question that the API is asked.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn question(&self) -> Result<Uri, ApiError> {
        question(&self.0.iter().fold(Query::default(), |query, (name, value)| query.with(name, value)))
    }

    /// The same, with this value of a parameter that is left out.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn question_with(&self, name: &str, value: &str) -> Result<Uri, ApiError> {
        question(&self.but(&[], name, Some(self.get(name).unwrap_or(value))))
    }
}

/// A question in the words of the API.
///
/// # Errors
/// If it is none.
pub(super) fn question(query: &Query) -> Result<Uri, ApiError> {
    format!("/{query}").parse().map_err(|_| refused("it is too long"))
}

/// A browser's field for a time says neither a zone, which is UTC here, nor always the seconds.
fn with_zone(name: &str, value: String) -> String {
    if !["since", "until", "than_since", "than_until"].contains(&name) || value.len() > "2026-03-01T12:30:00".len() {
        return value;
    }
    match value.len() {
        16 => format!("{value}:00Z"),
        19 => format!("{value}Z"),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_empty_is_left_out_and_times_are_utc() {
        let uri = "/ui/predictions?model=&label=a%26b&since=2026-03-01T12:30&until=2026-03-01T12:30:09&limit=5";
        let parameters = PageParameters::of_form(&uri.parse().unwrap()).unwrap();
        assert_eq!((parameters.get("model"), parameters.get("label")), (None, Some("a&b")));
        let question = parameters.question_with("limit", "50").unwrap();
        let asked = "/?label=a%26b&since=2026-03-01T12%3A30%3A00Z&until=2026-03-01T12%3A30%3A09Z&limit=5";
        assert_eq!(question.to_string(), asked);
        assert_eq!(parameters.beside(&["since", "until", "limit"]).count(), 1);
        assert_eq!(parameters.but(&["since", "until"], "limit", None).to_string(), "?label=a%26b");
    }
}
