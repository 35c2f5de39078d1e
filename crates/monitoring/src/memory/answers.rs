//! Answers on their way to clients, held until they are sent.
//!
//! Rule of thumb: what was handed to the connection is still in memory, so an answer gives its memory back when its last
//! byte is gone, not when its handler is done. A client that reads nothing while others find no room loses its connection.

use std::sync::Arc;
use std::{io, iter};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::{BodyStream, StreamBody};
use hyper::body::Frame;
use tokio_util::sync::CancellationToken;

use super::hold::Hold;
use super::kind::HeldKind;
use super::room::MemoryRoom;
use crate::http::ApiError;

/// Answers of at most this many bytes are not counted: the system takes as much without anybody reading.
const UNCOUNTED_BYTES: u64 = 16 * 1024;
/// Bytes that are handed to a connection at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Ends the connection that a request came by. Requests have it among their extensions.
#[derive(Clone, Debug, Default)]
pub struct ConnectionEnd(CancellationToken);

impl ConnectionEnd {
    /// The end of this request's connection; of none, where a request came by no connection.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// Completes when the connection has to end.
    pub(crate) async fn wanted(&self) {
        self.0.cancelled().await;
    }

    /// What is cancelled to end the connection.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}

impl MemoryRoom {
    /// The same answer, held until it is sent.
    ///
    /// # Errors
    /// `overloaded` where there is no room for it.
    pub async fn hold_answer(&self, end: &ConnectionEnd, answer: Response) -> Result<Response, ApiError> {
        let bytes = answer.body().size_hint().exact();
        if bytes.is_some_and(|bytes| bytes <= UNCOUNTED_BYTES) {
            return Ok(answer);
        }
        let Some(bytes) = bytes else {
            let (room, end) = (self.clone(), end.clone());
            return Ok(answer.map(|body| held_as_it_comes(body, room, end)));
        };
        let mut hold = self.moving_hold(HeldKind::Answer, end.token());
        hold.grow(usize::try_from(bytes).unwrap_or(usize::MAX)).await?;
        let mut answer = answer.map(|body| held_whole(body, Arc::new(hold)));
        // A body in pieces does not say how long it is.
        answer.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(bytes));
        Ok(answer)
    }
}

/// A body whose bytes are all held by one hold.
fn held_whole(body: Body, hold: Arc<Hold>) -> Body {
    let frames = BodyStream::new(body).flat_map(move |frame| {
        // One after another, as they are asked for: each that moves buys its client time.
        let frames: Box<dyn Iterator<Item = Result<Frame<Bytes>, axum::Error>> + Send> =
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => {
                    let hold = hold.clone();
                    Box::new(pieces(&data).map(move |piece| Ok(Frame::data(Hold::share(&hold, piece)))))
                }
                Ok(Err(trailers)) => Box::new(iter::once(Ok(trailers))),
                Err(problem) => Box::new(iter::once(Err(problem))),
            };
        stream::iter(frames)
    });
    Body::new(StreamBody::new(frames))
}

/// A body that is held a piece at a time.
fn held_as_it_comes(body: Body, room: MemoryRoom, end: ConnectionEnd) -> Body {
    let frames = BodyStream::new(body).then(move |frame| {
        let mut hold = room.moving_hold(HeldKind::Answer, end.token());
        async move {
            let data = match frame?.into_data() {
                Ok(data) => data,
                Err(trailers) => return Ok(trailers),
            };
            hold.grow(data.len()).await.map_err(|refusal| axum::Error::new(io::Error::other(refusal.message)))?;
            Ok::<_, axum::Error>(Frame::data(Hold::share(&Arc::new(hold), data)))
        }
    });
    Body::new(StreamBody::new(Box::pin(frames)))
}

/// Bytes in pieces that share them, as they are handed to a connection one after another.
pub fn pieces(bytes: &Bytes) -> impl Iterator<Item = Bytes> + use<> {
    let bytes = bytes.clone();
    (0..bytes.len()).step_by(PIECE_BYTES).map(move |start| bytes.slice(start..bytes.len().min(start + PIECE_BYTES)))
}
