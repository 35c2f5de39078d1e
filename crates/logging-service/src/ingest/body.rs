//! The body of a request, received within bounds of size, time and memory.
//!
//! Rule of thumb: memory is reserved before the first byte is read and released when the last slice is dropped, so the
//! bodies of all requests together never take more than the bound, however many, large or slow they are.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use monitoring::{ApiError, ErrorCode};
use prediction_record::read_json;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::plain_words::in_plain_words;

/// How many bodies of the largest size may be held at once. Small ones reserve less, so many more of them fit.
const LARGEST_AT_ONCE: usize = 8;
/// Memory is reserved in units of this many bytes: a count of single bytes would not fit into 32 bits.
const UNIT: usize = 1024;
/// How long a client may take to send its body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// Seconds after which another body may fit again.
const FULL_RETRY_SECONDS: f64 = 1.0;

/// The memory for the bodies of all requests. Clones share it.
#[derive(Clone)]
pub(crate) struct BodyMemory {
    free: Arc<Semaphore>,
    most_bytes: usize,
}

/// A whole body and the headers that came with it.
pub(crate) struct ReceivedBody {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl BodyMemory {
    /// Memory for bodies of at most `most_bytes` each.
    pub(crate) fn new(most_bytes: usize) -> Self {
        let units = units(most_bytes).saturating_mul(LARGEST_AT_ONCE).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(units)), most_bytes }
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// `overloaded` where no memory is free, `too_large`, and `deadline_exceeded` for a client that is too slow.
    pub(crate) async fn receive(&self, request: Request<Body>) -> Result<ReceivedBody, ApiError> {
        let (head, body) = request.into_parts();
        let Some(reservation) = self.reserve(&head.headers) else {
            monitoring::discard_body(&head.headers, body).await;
            let sentence = "Too many bodies are being received; try again later.";
            return Err(ApiError::new(ErrorCode::Overloaded, sentence).retry_after(FULL_RETRY_SECONDS));
        };
        let reading = monitoring::read_body(&head.headers, body, self.most_bytes);
        let late = |_| ApiError::new(ErrorCode::DeadlineExceeded, "The body did not arrive within 30 seconds.");
        let bytes = timeout(BODY_PATIENCE, reading).await.map_err(late)??;
        Ok(ReceivedBody { headers: head.headers, bytes: reservation.hold(bytes) })
    }

    /// Reserves memory for the body that these headers announce, or for the largest one if they announce no length.
    fn reserve(&self, headers: &HeaderMap) -> Option<BodyReservation> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // What a packed body becomes is not announced.
        let announced = announced.filter(|_| !monitoring::is_packed(headers));
        // A body that is announced as larger is refused before it is read.
        let bytes = announced.unwrap_or(self.most_bytes).min(self.most_bytes);
        let units = u32::try_from(units(bytes)).unwrap_or(u32::MAX);
        self.free.clone().try_acquire_many_owned(units).ok().map(BodyReservation)
    }
}

impl ReceivedBody {
    /// Reads the body as one JSON value.
    ///
    /// # Errors
    /// `unsupported_media_type`; `invalid_request` for bad JSON; `invalid_input` for JSON of another form.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if monitoring::media_type(&self.headers) != "application/json" {
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, "Send application/json."));
        }
        read_json(&self.bytes).map_err(|problem| {
            let code = if problem.is_data() { ErrorCode::InvalidInput } else { ErrorCode::InvalidRequest };
            ApiError::new(code, format!("The JSON cannot be read: {}.", in_plain_words(&problem.to_string())))
        })
    }
}

/// The memory of one body.
struct BodyReservation(OwnedSemaphorePermit);

impl BodyReservation {
    /// The same bytes; the memory is released when they and all their slices are dropped.
    fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(ReservedBytes { bytes, _permit: self.0 })
    }
}

/// Bytes together with the memory that is reserved for them.
struct ReservedBytes {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for ReservedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn announced(bytes: usize) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(bytes))])
    }

    #[test]
    fn bodies_beyond_the_bound_find_no_memory_until_one_is_dropped() {
        let memory = BodyMemory::new(10 * UNIT);
        let mut held: Vec<Bytes> = Vec::new();
        for headers in [announced(10 * UNIT), announced(usize::MAX), HeaderMap::new()].iter().cycle().take(8) {
            held.push(memory.reserve(headers).unwrap().hold(Bytes::from_static(b"body")));
        }
        assert!(memory.reserve(&announced(0)).is_none());
        let slice = held.pop().unwrap().slice(1..3);
        assert!(memory.reserve(&announced(1)).is_none());
        assert_eq!(&slice[..], b"od");
        drop(slice);
        let small: Vec<_> = (0..10).map(|_| memory.reserve(&announced(UNIT)).unwrap()).collect();
        assert!(memory.reserve(&announced(1)).is_none());
        drop(small);
        assert!(memory.reserve(&HeaderMap::new()).is_some());
    }
}
