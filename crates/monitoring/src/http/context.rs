//! The ids of a request: its own, and its place in a trace.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::traces::{RequestSpan, TraceContext, Traces};

/// Header that carries the request's id, in both directions.
pub const REQUEST_ID: &str = "x-request-id";
/// Header that carries the trace context.
pub const TRACEPARENT: &str = "traceparent";

const MAX_REQUEST_ID_BYTES: usize = 128;

/// The ids of one request, taken from its headers or made. Handlers get it as an
/// `axum::Extension<RequestContext>`.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The client's `x-request-id` where it is 1 to 128 visible ASCII characters, else a new UUIDv7.
    pub request_id: Arc<str>,
    /// The trace that this request belongs to.
    pub trace: TraceContext,
    /// Its span, where the trace is exported.
    pub span: RequestSpan,
}

impl RequestContext {
    /// Reads the ids of a request, and makes those that it lacks.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let usable =
            |id: &&str| !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.bytes().all(|b| b.is_ascii_graphic());
        let request_id = text(REQUEST_ID).filter(usable).map_or_else(|| Uuid::now_v7().to_string().into(), Arc::from);
        let trace = text(TRACEPARENT).and_then(TraceContext::child_of).unwrap_or_else(TraceContext::root);
        Self { request_id, trace, span: RequestSpan::default() }
    }

    /// Reads the ids at the start of a request whose span goes to `traces` if its trace is sampled.
    #[must_use]
    pub fn begin(headers: &HeaderMap, traces: &Traces) -> Self {
        let mut context = Self::from_headers(headers);
        context.span = traces.begin(&mut context.trace);
        context
    }

    /// A request to another service that was not caused by a request. Its span has the name `name`; the caller ends it.
    #[must_use]
    pub fn outgoing(traces: &Traces, name: &'static str) -> Self {
        let context = Self::begin(&HeaderMap::new(), traces);
        context.span.set_outgoing();
        context.span.set_name(name.to_owned());
        context
    }

    /// Adds this request's ids to a request that it causes at another service.
    pub fn send_on(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Ok(traceparent) = HeaderValue::from_str(&self.trace.to_string()) {
            headers.insert(TRACEPARENT, traceparent);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_request_id_is_replaced() {
        let long = "x".repeat(129);
        for (sent, kept) in [("order-17", true), ("", false), ("two words", false), (long.as_str(), false)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(sent).expect("header"));
            assert_eq!(&*RequestContext::from_headers(&headers).request_id == sent, kept, "{sent}");
        }
    }
}
