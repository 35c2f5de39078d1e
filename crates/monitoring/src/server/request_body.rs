//! The body of a request on its way from the client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};

use super::visit::Visit;

/// A body that tells its connection while it waits for the client.
pub(super) struct IncomingBody {
    body: Incoming,
    visit: Arc<Visit>,
    is_waiting: bool,
}

impl IncomingBody {
    pub(super) fn new(body: Incoming, visit: Arc<Visit>) -> Self {
        Self { body, visit, is_waiting: false }
    }

    fn set_waiting(&mut self, is_waiting: bool) {
        if self.is_waiting != is_waiting {
            self.is_waiting = is_waiting;
            self.visit.bodies().waits(is_waiting);
        }
    }
}

impl HttpBody for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.set_waiting(frame.is_pending());
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.visit.bodies().came(data.len());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        self.set_waiting(false);
    }
}
