//! What the body of an invocation is, by what its request says and by how it begins.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use monitoring::{ApiError, ErrorCode, media_type};

use crate::dialects::asked::AskedData;
use crate::dialects::csv::CsvHeader;
use crate::dialects::members::JsonData;
use crate::input::PictureFormat;

/// The parameter of the types that MLflow had before its version 2.
const OLD_FORMAT: &str = "format";

/// Takes a body apart by its kind.
///
/// # Errors
/// `unsupported_media_type`; `invalid_request` for a body that is not what it claims to be.
pub(super) fn read(headers: &HeaderMap, body: Bytes) -> Result<AskedData, ApiError> {
    let kind = media_type(headers);
    let parameters = parameters(headers);
    let parameter = |name: &str| parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    if parameter("charset").is_some_and(|charset| !matches!(charset, "utf-8" | "utf8" | "us-ascii")) {
        return Err(unsupported("The body must be in UTF-8."));
    }
    match kind.as_str() {
        "application/json" if parameter(OLD_FORMAT).is_some() => Err(unsupported(
            "The Content-Type has a parameter `format`, as before version 2 of MLflow; send application/json with \
             dataframe_split, dataframe_records, instances or inputs.",
        )),
        "application/json" => JsonData::read(&body).map(AskedData::Json),
        "text/csv" => {
            let header = match parameter("header") {
                Some("present") => CsvHeader::Present,
                Some("absent") => CsvHeader::Absent,
                _ => CsvHeader::Unsaid,
            };
            Ok(AskedData::Csv(body, header))
        }
        _ if PictureFormat::detect(&body).is_some() => Ok(AskedData::Picture(body)),
        kind if kind.starts_with("image/") || kind == "application/x-image" => Ok(AskedData::Picture(body)),
        // curl calls every body a form, and some clients say nothing.
        _ if body.trim_ascii_start().starts_with(b"{") => JsonData::read(&body).map(AskedData::Json),
        kind => {
            let shown: String = kind.chars().take(100).collect();
            let what = if kind.is_empty() { "There is no Content-Type".to_owned() } else { format!("It is {shown}") };
            Err(unsupported(&format!("{what}; send application/json, text/csv, or a picture such as image/jpeg.")))
        }
    }
}

fn unsupported(sentence: &str) -> ApiError {
    ApiError::new(ErrorCode::UnsupportedMediaType, sentence)
}

/// The parameters behind the type, in lower case.
fn parameters(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let pairs = text.split(';').skip(1).filter_map(|pair| pair.split_once('='));
    let plain = |text: &str| text.trim().trim_matches('"').to_ascii_lowercase();
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kind(content_type: &str, body: &'static str) -> Result<AskedData, ErrorCode> {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        read(&headers, Bytes::from_static(body.as_bytes())).map_err(|refusal| refusal.code)
    }

    #[test]
    fn the_type_says_what_it_is() {
        let inputs = || Ok(AskedData::Json(JsonData::Inputs(Bytes::from_static(b"[1]"))));
        let json = r#"{"inputs": [1]}"#;
        for content_type in ["application/json", "application/json; charset=UTF-8", "", "text/plain"] {
            assert_eq!(kind(content_type, json), inputs(), "{content_type}");
        }
        let csv = |header| Ok(AskedData::Csv(Bytes::from_static(b"a\n1"), header));
        assert_eq!(kind("text/csv", "a\n1"), csv(CsvHeader::Unsaid));
        assert_eq!(kind("text/csv; header=absent", "a\n1"), csv(CsvHeader::Absent));
        for content_type in ["application/json; format=pandas-split", "application/xml", "text/csv; charset=latin1", ""]
        {
            assert_eq!(kind(content_type, "<x/>"), Err(ErrorCode::UnsupportedMediaType), "{content_type}");
        }
    }
}
