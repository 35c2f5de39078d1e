//! The body of an answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::visit::RequestUnderWay;

/// Most bytes that are handed out at once. What HTTP/2 was handed stays in memory until the client lets it through.
const MAX_PART: usize = 64 * 1024;

/// The body of an answer; the request is under way until it is dropped.
pub(super) struct AnswerUnderWay {
    body: Body,
    /// What is left of a frame that was longer than one part.
    rest: Bytes,
    request: RequestUnderWay,
}

impl AnswerUnderWay {
    pub(super) fn new(body: Body, mut request: RequestUnderWay) -> Self {
        request.answered();
        Self { body, rest: Bytes::new(), request }
    }

    fn hand_out(&mut self, mut data: Bytes) -> Frame<Bytes> {
        let part = data.split_to(data.len().min(MAX_PART));
        self.rest = data;
        self.request.handed_out();
        Frame::data(part)
    }
}

impl HttpBody for AnswerUnderWay {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.request.taken();
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.hand_out(rest))));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            other => return Poll::Ready(other),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(data) => self.hand_out(data),
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(body.lower() + rest);
        hint
    }
}
