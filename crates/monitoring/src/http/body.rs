//! Reading a request's body within a bound.
//!
//! Rule of thumb: no answer before the body is read, not even a refusal. The connection would be closed with
//! the rest of the body unread, and the client, still sending, would see it break instead of the answer.

use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::coding::BodyCoding;
use super::{ApiError, ErrorCode};

/// How long a body may take. A request with a deadline of its own is refused earlier.
const BODY_PATIENCE: Duration = Duration::from_secs(120);
/// Most bytes of a refused body that are read and thrown away. A client that sends more finds its connection closed.
const MAX_DISCARDED_BYTES: usize = 64 * 1024 * 1024;
/// How long they may take.
const DISCARD_PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of a packed body that are unpacked on the spot; a larger one goes to a thread that may block.
const UNPACKED_ON_THE_SPOT: usize = 4 * 1024;
/// U+FEFF in UTF-8. Programs of Windows begin JSON, lines of it and CSV with it, and it says nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a body of at most `limit` bytes, as it comes and unpacked, without a byte order mark. The rest of a longer body is
/// thrown away, within bounds, before this returns.
///
/// # Errors
/// `too_large`, before anything is kept if the length was announced; `cancelled` if the client left before the end;
/// `invalid_request` for chunks that are not HTTP, for a body that takes minutes, and for one that cannot be unpacked;
/// `unsupported_media_type` for a coding that is not known.
pub async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let coding = match BodyCoding::of(headers) {
        Ok(coding) => coding,
        Err(refusal) => {
            discard_body(headers, body).await;
            return Err(refusal);
        }
    };
    let body = read_as_it_comes(headers, body, limit).await?;
    let unpacked = match coding {
        None => body,
        Some(coding) if body.len() <= UNPACKED_ON_THE_SPOT => coding.unpack(&body, limit).map(Bytes::from)?,
        Some(coding) => {
            let unpacking = spawn_blocking(move || coding.unpack(&body, limit).map(Bytes::from));
            unpacking.await.map_err(ApiError::internal)??
        }
    };
    let is_marked = unpacked.starts_with(BYTE_ORDER_MARK) && media_type(headers) != "application/octet-stream";
    Ok(if is_marked { unpacked.slice(BYTE_ORDER_MARK.len()..) } else { unpacked })
}

async fn read_as_it_comes(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let sentence = format!("The body has more than {limit} bytes, the most that is taken.");
    let too_large = || ApiError::new(ErrorCode::TooLarge, sentence);
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        discard_body(headers, body).await;
        return Err(too_large());
    }
    let reading = timeout(BODY_PATIENCE, Limited::new(&mut body, limit).collect()).await;
    let Ok(read) = reading else {
        let seconds = BODY_PATIENCE.as_secs();
        let sentence = format!("The body did not arrive within {seconds} seconds.");
        return Err(ApiError::new(ErrorCode::InvalidRequest, sentence));
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(problem) if problem.is::<LengthLimitError>() => {
            discard(body).await;
            Err(too_large())
        }
        Err(problem) => Err(unreadable(problem.as_ref())),
    }
}

/// Reads a body and throws it away, within bounds, before a refusal that does not depend on it.
pub async fn discard_body(headers: &HeaderMap, body: Body) {
    // A client that asks before it sends has its answer without sending anything.
    if !headers.contains_key(header::EXPECT) {
        discard(body).await;
    }
}

/// The `Content-Type` without its parameters, in lower case; empty if there is none.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn discard(body: Body) {
    let mut rest = Limited::new(body, MAX_DISCARDED_BYTES);
    let reading = async { while let Some(Ok(_)) = rest.frame().await {} };
    // Time may run out; then the connection is closed with the rest unread.
    let _ = timeout(DISCARD_PATIENCE, reading).await;
}

fn unreadable(problem: &(dyn Error + 'static)) -> ApiError {
    let causes: Vec<&(dyn Error + 'static)> = iter::successors(Some(problem), |&cause| cause.source()).collect();
    let gone = |cause: &&(dyn Error + 'static)| cause.downcast_ref::<io::Error>().is_some_and(is_disconnect);
    let refusal = if causes.iter().any(gone) {
        ApiError::new(ErrorCode::Cancelled, "The connection ended before the body was complete.")
    } else {
        ApiError::new(ErrorCode::InvalidRequest, "The body cannot be read: it is not the HTTP that its head announced.")
    };
    refusal.caused_by(causes.iter().map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn is_disconnect(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
