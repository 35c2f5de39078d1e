//! Reading a request's body within a bound.
//!
//! Rule of thumb: no answer before the body is read, not even a refusal. The connection would be closed with
//! the rest of the body unread, and the client, still sending, would see it break instead of the answer.

use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Limited};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::coding::BodyCoding;
use super::{ApiError, ErrorCode};
use crate::memory::{HeldKind, Hold, MemoryRoom};

/// How long a body may take. A request with a deadline of its own is refused earlier.
const BODY_PATIENCE: Duration = Duration::from_secs(120);
/// Most bytes of a refused body that are read and thrown away. A client that sends more finds its connection closed.
const MAX_DISCARDED_BYTES: usize = 64 * 1024 * 1024;
/// How long they may take.
const DISCARD_PATIENCE: Duration = Duration::from_secs(2);
/// Bytes for which room is taken at once, where it is not known yet how many there will be.
const TAKEN_AT_ONCE: usize = 64 * 1024;
/// U+FEFF in UTF-8. Programs of Windows begin JSON, lines of it and CSV with it, and it says nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a body of at most `limit` bytes, as it comes and unpacked, without a byte order mark. Its bytes are held in `room` until
/// the last slice of them is dropped. The rest of a longer body is thrown away, within bounds, before this returns.
///
/// # Errors
/// `too_large`, before anything is kept if the length was announced; `overloaded` where `room` is full, or wanted by others while
/// this body comes slowly; `cancelled` if the client left before the end; `invalid_request` for chunks that are not HTTP, for a
/// body that takes minutes, and for one that cannot be unpacked; `unsupported_media_type` for a coding that is not known.
pub async fn read_body(room: &MemoryRoom, headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let coding = match BodyCoding::of(headers) {
        Ok(coding) => coding,
        Err(refusal) => {
            discard_body(headers, body).await;
            return Err(refusal);
        }
    };
    let mut body = read_as_it_comes(room, headers, body, limit).await?;
    if let Some(coding) = coding {
        body = unpacked(room, coding, body, limit).await?;
    }
    let is_marked = body.starts_with(BYTE_ORDER_MARK) && media_type(headers) != "application/octet-stream";
    Ok(if is_marked { body.slice(BYTE_ORDER_MARK.len()..) } else { body })
}

async fn read_as_it_comes(
    room: &MemoryRoom,
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        discard_body(headers, body).await;
        return Err(too_large(limit));
    }
    let announced = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut arriving = ArrivingBody::begin(room, announced, limit);
    let read = timeout(BODY_PATIENCE, arriving.read(&mut body)).await.unwrap_or_else(|_| {
        let seconds = BODY_PATIENCE.as_secs();
        Err(Ended::Late(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("The body did not arrive within {seconds} seconds."),
        )))
    });
    match read {
        Ok(()) => Ok(arriving.whole()),
        Err(ended) => {
            // What is thrown away from here on takes no room.
            drop(arriving);
            match ended {
                Ended::Refused(refusal) => {
                    discard(body).await;
                    Err(refusal)
                }
                Ended::Late(refusal) => Err(refusal),
            }
        }
    }
}

/// A body of which a part is here.
struct ArrivingBody {
    bytes: Vec<u8>,
    hold: Hold,
    announced: usize,
    limit: usize,
}

/// Why a body is not read to its end.
enum Ended {
    /// The rest of it may still come.
    Refused(ApiError),
    /// There is no rest, or it would come too late.
    Late(ApiError),
}

impl ArrivingBody {
    fn begin(room: &MemoryRoom, announced: usize, limit: usize) -> Self {
        let hold = room.moving_hold(HeldKind::Body, CancellationToken::new());
        Self { bytes: Vec::new(), hold, announced, limit }
    }

    async fn read(&mut self, body: &mut Body) -> Result<(), Ended> {
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = self.hold.must_make_way() => return Err(Ended::Refused(self.hold.too_slow())),
            };
            let frame = match frame {
                None => return Ok(()),
                Some(Ok(frame)) => frame,
                Some(Err(problem)) => return Err(Ended::Late(unreadable(&problem))),
            };
            // Trailers say nothing here.
            if let Ok(data) = frame.into_data() {
                self.add(&data).await.map_err(Ended::Refused)?;
            }
        }
    }

    async fn add(&mut self, data: &[u8]) -> Result<(), ApiError> {
        let bytes = self.bytes.len() + data.len();
        if bytes > self.limit {
            return Err(too_large(self.limit));
        }
        self.hold.grow(data.len()).await?;
        self.hold.moved(data.len());
        if bytes > self.bytes.capacity() && bytes > TAKEN_AT_ONCE && self.announced > bytes {
            // The pages of bytes that never come are never touched, and the buffer need not be copied while it grows.
            self.bytes.reserve_exact(self.announced - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn whole(mut self) -> Bytes {
        self.hold.settle();
        self.hold.of(self.bytes)
    }
}

/// Unpacks a body on a thread that may block, again with more room where what was taken at first is not enough.
async fn unpacked(room: &MemoryRoom, coding: BodyCoding, packed: Bytes, limit: usize) -> Result<Bytes, ApiError> {
    let mut hold = room.hold(HeldKind::Body);
    loop {
        // What libraries take on their own is there from the beginning.
        let more = if hold.bytes() == 0 { packed.len().saturating_mul(4) } else { hold.bytes().saturating_mul(3) };
        let most = hold.bytes().saturating_add(more.max(TAKEN_AT_ONCE)).min(limit);
        hold.grow(most - hold.bytes()).await?;
        let again = packed.clone();
        // The hold moves along: if the client leaves, the memory stays held until the work has really ended.
        let unpacking = spawn_blocking(move || (coding.unpack(&again, most), hold));
        let (unpacked, held) = unpacking.await.map_err(ApiError::internal)?;
        hold = held;
        match unpacked {
            Err(refusal) if refusal.code == ErrorCode::TooLarge && most < limit => {}
            Err(refusal) => return Err(refusal),
            Ok(bytes) => {
                hold.shrink_to(bytes.capacity());
                return Ok(hold.of(bytes));
            }
        }
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(ErrorCode::TooLarge, format!("The body has more than {limit} bytes, the most that is taken."))
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
