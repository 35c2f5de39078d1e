//! The bytes of a connection: the first of them, and whether the client reads what it is sent.
//!
//! Rule of thumb: a client may be slow, but not stand still while the service has something for it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::book::ConnectionBook;
use super::metrics::ClosedReason;
use super::visit::Visit;

/// How long a client may take for the next [`PROGRESS_BYTES`] of what it is sent.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that count as progress; a client that takes one at a time makes none.
const PROGRESS_BYTES: usize = 4 * 1024;

/// A connection, and the book that it stands in.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) visit: Arc<Visit>,
    pub(super) book: Arc<ConnectionBook>,
}

impl Drop for LeavingGuard {
    fn drop(&mut self) {
        self.0.book.leave(&self.0.visit);
    }
}

/// Writes into the book that the connection is closed, however it ends.
pub(super) struct LeavingGuard(pub(super) Visitor);

/// A connection whose first bytes were read ahead, and which ends when its client does not read.
pub(super) struct VisitorStream<S> {
    stream: S,
    /// Bytes that were read ahead.
    first: Vec<u8>,
    taken: usize,
    visitor: Visitor,
    patience: Duration,
    /// Runs while the client takes nothing.
    standstill: Option<Pin<Box<Sleep>>>,
    progress: usize,
}

impl<S> VisitorStream<S> {
    pub(super) fn new(stream: S, first: Vec<u8>, visitor: Visitor, patience: Duration) -> Self {
        Self { stream, first, taken: 0, visitor, patience, standstill: None, progress: 0 }
    }

    /// Looks at what a write came to.
    fn watch<T: Copy>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        bytes: impl Fn(T) -> usize,
    ) -> Poll<io::Result<T>> {
        match written {
            Poll::Pending => {
                let patience = self.patience;
                let standstill = self.standstill.get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(standstill.as_mut().poll(context));
                self.visitor.book.end(&self.visitor.visit, ClosedReason::Unread);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
            }
            Poll::Ready(Ok(count)) => {
                self.progress += bytes(count);
                if self.progress >= PROGRESS_BYTES {
                    self.caught_up();
                }
                written
            }
            Poll::Ready(Err(_)) => written,
        }
    }

    fn caught_up(&mut self) {
        self.progress = 0;
        self.standstill = None;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for VisitorStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken < self.first.len() {
            let left = &self.first[self.taken..];
            let now = left.len().min(buffer.remaining());
            buffer.put_slice(&left[..now]);
            self.taken += now;
            if self.taken == self.first.len() {
                self.first = Vec::new();
                self.taken = 0;
            }
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.visitor.visit.heard(&buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for VisitorStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written, |count| count)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written, |count| count)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            // Everything is with the system.
            self.caught_up();
        }
        self.watch(context, flushed, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, closed, |()| 0)
    }
}
