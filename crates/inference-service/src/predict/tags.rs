//! The tags of a request: the segments that its predictions belong to, such as `region=eu`.
//!
//! Rule of thumb: a client gives them in a header, whatever it sends. What the request itself says goes before the header.

use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};
use prediction_record::Tags;

const TAGS_HEADER: &str = "x-tags";

/// The tags of the header; none without it.
///
/// # Errors
/// `invalid_request` for a header that has another form.
pub(crate) fn header_tags(headers: &HeaderMap) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for value in headers.get_all(TAGS_HEADER) {
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| unlike("The header X-Tags"))?;
        tags.append(&mut written_tags("The header X-Tags", text)?);
    }
    Ok(tags)
}

/// Tags that are written as `region=eu,tier=gold`.
///
/// # Errors
/// `invalid_request`, which names their source, for another form and for a key that stands twice.
pub(crate) fn written_tags(source: &str, text: &str) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| unlike(source))?;
        if tags.insert(key.trim().to_owned(), value.trim().to_owned()).is_some() {
            return Err(invalid(format!("{source} has a key twice.")));
        }
    }
    Ok(tags)
}

/// These tags with others that go before them.
///
/// # Errors
/// `invalid_request` for tags that no record can have.
pub(super) fn joined(mut tags: Tags, mut stronger: Tags) -> Result<Tags, ApiError> {
    tags.append(&mut stronger);
    prediction_record::validate_tags(&tags).map_err(|problem| invalid(format!("The tags are refused: {problem}.")))?;
    Ok(tags)
}

fn unlike(source: &str) -> ApiError {
    invalid(format!("{source} must be like region=eu,tier=gold."))
}

fn invalid(sentence: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_or_refused() {
        let read = |text| written_tags("It", text).map(|tags| tags.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read("region=eu, tier = a=b,").unwrap(), [pair("region", "eu"), pair("tier", "a=b")]);
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("region").unwrap_err().message, "It must be like region=eu,tier=gold.");
        assert_eq!(read("a=1,a=2").unwrap_err().message, "It has a key twice.");
        let tags = |text| written_tags("It", text).unwrap();
        assert_eq!(joined(tags("a=1,b=2"), tags("b=3")).unwrap(), tags("a=1,b=3"));
        for bad in ["a b=1", "a=", "=1", "a=\u{7}", "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1"] {
            assert!(joined(Tags::new(), tags(bad)).is_err(), "{bad}");
        }
    }
}
