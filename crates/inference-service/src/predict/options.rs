//! What a request wants: which model, how many classes, by when.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use monitoring::{ApiError, ErrorCode};

use super::body::{self, JsonBody, Query};
use super::inputs::Inputs;

/// Header with the milliseconds that the client will wait.
const TIMEOUT_HEADER: &str = "x-request-timeout-ms";
const MAX_TIMEOUT_MS: u64 = 600_000;
/// The longest wait that a client can ask for.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_millis(MAX_TIMEOUT_MS);
const MAX_REQUEST_ID_CHARS: usize = 128;

/// The moment after which the answer is of no use to the client.
///
/// # Errors
/// `invalid_request` if the header is not a number of milliseconds from 1 to 600,000.
pub(crate) fn deadline_of(headers: &HeaderMap, default: Duration) -> Result<Instant, ApiError> {
    let timeout = match headers.get(TIMEOUT_HEADER) {
        None => default,
        Some(value) => {
            let milliseconds = value.to_str().ok().and_then(|text| text.parse().ok());
            let milliseconds = milliseconds.filter(|ms| (1..=MAX_TIMEOUT_MS).contains(ms)).ok_or_else(|| {
                let sentence =
                    format!("{TIMEOUT_HEADER} must be a whole number of milliseconds from 1 to {MAX_TIMEOUT_MS}.");
                ApiError::new(ErrorCode::InvalidRequest, sentence)
            })?;
            Duration::from_millis(milliseconds)
        }
    };
    Ok(Instant::now() + timeout)
}

/// Whether the body comes as it is; what is known to be packed was unpacked by now.
///
/// # Errors
/// `unsupported_media_type` for another coding.
pub(super) fn plain(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "The Content-Encoding is not known; send the body in gzip, in deflate or as it is.",
        )),
        _ => Ok(()),
    }
}

/// The options of one request, wherever they stood.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) model: Option<String>,
    pub(super) version: Option<String>,
    pub(super) top_k: NonZeroUsize,
    pub(super) request_id: Option<Arc<str>>,
}

impl Wanted {
    /// Takes a body apart by its content type. What stands in the body goes before the query.
    ///
    /// # Errors
    /// `unsupported_media_type`, or `invalid_request` for a body that is not what its type says.
    pub(super) async fn parse(headers: &HeaderMap, query: Query, body: Bytes) -> Result<(Self, Inputs), ApiError> {
        match monitoring::media_type(headers).as_str() {
            "image/jpeg" | "image/jpg" | "image/png" | "image/webp" | "image/bmp" => {
                Ok((Self::new(query, None)?, Inputs::Images(vec![body])))
            }
            "multipart/form-data" => {
                let (options, images) = body::multipart(headers, body).await?;
                Ok((Self::new(query.overridden_by(options), None)?, Inputs::Images(images)))
            }
            "application/json" => {
                let JsonBody { options, request_id, inputs } = body::json(&body)?;
                Ok((Self::new(query.overridden_by(options), request_id)?, inputs))
            }
            "" => Err(unsupported("The request has no Content-Type")),
            other => Err(unsupported(&format!("The Content-Type is {}", other.chars().take(100).collect::<String>()))),
        }
    }

    fn new(query: Query, request_id: Option<String>) -> Result<Self, ApiError> {
        let invalid = |sentence| ApiError::new(ErrorCode::InvalidRequest, sentence);
        let top_k = query.top_k.unwrap_or(NonZeroUsize::MIN);
        if request_id.as_ref().is_some_and(|id| !is_request_id(id)) {
            return Err(invalid("request_id must be 1 to 128 visible ASCII characters."));
        }
        Ok(Self { model: query.model, version: query.version, top_k, request_id: request_id.map(Arc::from) })
    }
}

/// Whether a text can be the id of a request: 1 to 128 visible ASCII characters.
pub(crate) fn is_request_id(text: &str) -> bool {
    (1..=MAX_REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn unsupported(what: &str) -> ApiError {
    let sentence = format!(
        "{what}; send image/jpeg, image/png, image/webp, image/bmp, multipart/form-data or application/json \
         (curl: -H 'content-type: image/jpeg')."
    );
    ApiError::new(ErrorCode::UnsupportedMediaType, sentence)
}
