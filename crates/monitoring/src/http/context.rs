//! Who is asking: the request's id and its place in a trace.
//!
//! Source of the header's format: W3C Trace Context, section 3.2 (`traceparent`).

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

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
}

impl RequestContext {
    /// Reads the ids of a request, and makes what it does not bring.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let usable =
            |id: &&str| !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.bytes().all(|b| b.is_ascii_graphic());
        let request_id = text(REQUEST_ID).filter(usable).map_or_else(|| Uuid::now_v7().to_string().into(), Arc::from);
        let trace = text(TRACEPARENT).and_then(TraceContext::child_of).unwrap_or_else(TraceContext::root);
        Self { request_id, trace }
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

/// A position in a W3C trace; displayed as the `traceparent` to send on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

impl TraceContext {
    /// The start of a new trace, sampled.
    #[must_use]
    pub fn root() -> Self {
        Self { trace_id: fastrand::u128(1..), span_id: fastrand::u64(1..), flags: 1 }
    }

    /// A new span in the trace of a caller's `traceparent`; `None` if that is malformed.
    #[must_use]
    pub fn child_of(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Version 00 has exactly four parts; later versions may add more behind them. ff is forbidden.
        let version = hex(version, 2)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace_id, parent_id, flags) = (hex(trace, 32)?, hex(parent, 16)?, hex(flags, 2)?);
        if trace_id == 0 || parent_id == 0 {
            return None;
        }
        Some(Self { trace_id, span_id: fastrand::u64(1..), flags: u8::try_from(flags).ok()? & 1 })
    }

    /// The trace's id: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The id of this service's span within the trace: 16 lower-case hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Exactly `digits` lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let valid = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if valid { u128::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_is_continued_under_a_span_of_its_own() {
        let child = TraceContext::child_of(&format!("00-{TRACE}-00f067aa0ba902b7-01")).expect("valid");
        assert_eq!(child.trace_id(), TRACE);
        assert_ne!(child.span_id, 0x00f0_67aa_0ba9_02b7);
        let again = TraceContext::child_of(&child.to_string()).expect("what is sent on is valid");
        assert_eq!(again.trace_id(), TRACE);
    }

    #[test]
    fn malformed_traces_are_replaced() {
        let zero = "0".repeat(32);
        for bad in [
            String::new(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{zero}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
        ] {
            assert_eq!(TraceContext::child_of(&bad), None, "{bad}");
        }
        assert!(TraceContext::child_of(&format!("cc-{TRACE}-00f067aa0ba902b7-01-more")).is_some());
    }

    #[test]
    fn an_unusable_request_id_is_replaced() {
        let long = "x".repeat(129);
        for (sent, kept) in [("order-17", true), ("", false), ("two words", false), (long.as_str(), false)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(sent).expect("header"));
            assert_eq!(&*RequestContext::from_headers(&headers).request_id == sent, kept, "{sent}");
        }
    }

    proptest! {
        #[test]
        fn any_traceparent_is_taken_or_replaced(text in ".{0,80}") {
            if let Some(child) = TraceContext::child_of(&text) {
                prop_assert!(text.contains(&child.trace_id()) && text.contains(&child.span_id()));
            }
        }
    }
}
