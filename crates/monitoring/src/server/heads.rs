//! Requests whose head cannot be read, and which no handler sees.
//!
//! Rule of thumb: hyper answers them by itself, with a status and nothing else. Everything that a service says itself has a body,
//! so an answer without one is hyper's, and gets the shape that all refusals have.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::warn;
use uuid::Uuid;

use super::visit::Visit;
use crate::http::{ApiError, ErrorCode, HeadRefusals, LARGE_HEADERS, UNKNOWN_TRANSFER_CODING};

/// How an answer begins, its status, and the sentence of the refusal.
type OwnAnswer = (&'static [u8], u16, &'static str);

/// How hyper's own answers begin, with the refusal that each of them becomes.
const OWN_ANSWERS: [OwnAnswer; 3] = [
    (b"HTTP/1.1 400 Bad Request\r\n", 400, "The head of the request cannot be read: it is not HTTP/1.1."),
    (
        b"HTTP/1.1 414 URI Too Long\r\n",
        414,
        "The path and the query are longer than 64 kB; send what is long in the body.",
    ),
    (b"HTTP/1.1 431 Request Header Fields Too Large\r\n", 431, LARGE_HEADERS),
];
/// What the first of these becomes where the body has a coding that is not known.
const UNKNOWN_CODING: OwnAnswer = (b"HTTP/1.1 501 Not Implemented\r\n", 501, UNKNOWN_TRANSFER_CODING);
/// What no answer of a service says.
const WITHOUT_BODY: &[u8] = b"\r\ncontent-length: 0\r\n";

/// A connection on which the answers that hyper gives by itself get a body.
pub(super) struct RefusingConnection<C> {
    connection: C,
    refusals: HeadRefusals,
    visit: Arc<Visit>,
    /// A refusal that is being sent in place of another answer.
    refusal: Option<PendingRefusal>,
}

struct PendingRefusal {
    bytes: Vec<u8>,
    sent: usize,
    /// How many bytes the answer had that it replaces.
    replaced: usize,
}

impl<C> RefusingConnection<C> {
    pub(super) fn new(connection: C, refusals: HeadRefusals, visit: Arc<Visit>) -> Self {
        Self { connection, refusals, visit, refusal: None }
    }
}

impl PendingRefusal {
    /// What is sent in place of these bytes, if they are an answer of hyper's own.
    fn of(bytes: &[u8], refusals: &HeadRefusals, visit: &Visit) -> Option<Self> {
        let own = OWN_ANSWERS.iter().find(|(begin, ..)| bytes.starts_with(begin))?;
        if !bytes.ends_with(b"\r\n\r\n") || !bytes.windows(WITHOUT_BODY.len()).any(|part| part == WITHOUT_BODY) {
            return None;
        }
        // The head that hyper cannot read is behind those of the requests that it has handed out.
        let is_coding = own.1 == 400 && visit.heads().has_unknown_coding(visit.asked() + 1);
        let (begin, status, sentence) = if is_coding { &UNKNOWN_CODING } else { own };
        let id = Uuid::now_v7().to_string();
        let refusal = ApiError::new(ErrorCode::InvalidRequest, *sentence);
        warn!(request_id = id, error_type = "invalid_request", error = refusal.message, "request_refused");
        refusals.count(*status);
        let body = refusal.body(&id).to_string();
        let readers = refusals.readers().map(|origin| {
            format!("access-control-allow-origin: {origin}\r\naccess-control-expose-headers: x-request-id\r\n")
        });
        let readers = readers.unwrap_or_default();
        let head = format!(
            "{readers}content-type: application/json\r\nx-request-id: {id}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let bytes_sent = [*begin, head.as_bytes(), body.as_bytes()].concat();
        Some(Self { bytes: bytes_sent, sent: 0, replaced: bytes.len() })
    }
}

impl<C: AsyncWrite + Unpin> RefusingConnection<C> {
    /// Sends the refusal that replaces an answer; ends with the length of that answer.
    fn send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some(refusal) = &mut self.refusal {
            let written = ready!(Pin::new(&mut self.connection).poll_write(context, &refusal.bytes[refusal.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            refusal.sent += written;
            if refusal.sent == refusal.bytes.len() {
                let replaced = refusal.replaced;
                self.refusal = None;
                return Poll::Ready(Ok(replaced));
            }
        }
        Poll::Ready(Ok(0))
    }

    fn is_refused(&mut self, bytes: &[u8]) -> bool {
        if self.refusal.is_none() {
            self.refusal = PendingRefusal::of(bytes, &self.refusals, &self.visit);
        }
        self.refusal.is_some()
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for RefusingConnection<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for RefusingConnection<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_refused(bytes) {
            return self.send(context);
        }
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // An answer without a body is one slice.
        if let [only] = slices
            && self.is_refused(only)
        {
            return self.send(context);
        }
        Pin::new(&mut self.connection).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}
