//! A place in a trace.
//!
//! Source of the header's format: W3C Trace Context, section 3.2 (`traceparent`).

use std::fmt;

/// A position in a W3C trace; displayed as the `traceparent` to send on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    /// The caller's span; 0 where a trace starts here.
    pub(super) parent_id: u64,
    pub(super) is_sampled: bool,
}

impl TraceContext {
    /// The start of a new trace, sampled.
    #[must_use]
    pub fn root() -> Self {
        Self { trace_id: fastrand::u128(1..), span_id: fastrand::u64(1..), parent_id: 0, is_sampled: true }
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
        let parent_id = u64::try_from(parent_id).ok()?;
        Some(Self { trace_id, span_id: fastrand::u64(1..), parent_id, is_sampled: flags & 1 == 1 })
    }

    /// Whether the spans of the trace are kept; the service where it started decides that.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
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
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.is_sampled))
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
        assert_eq!(child.parent_id, 0x00f0_67aa_0ba9_02b7);
        let again = TraceContext::child_of(&child.to_string()).expect("what is sent on is valid");
        assert_eq!((again.trace_id().as_str(), again.parent_id), (TRACE, child.span_id));
        assert!(again.is_sampled());
        let dropped = TraceContext::child_of(&format!("00-{TRACE}-00f067aa0ba902b7-02")).expect("valid");
        assert!(!dropped.is_sampled() && dropped.to_string().ends_with("-00"));
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

    proptest! {
        #[test]
        fn any_traceparent_is_taken_or_replaced(text in ".{0,80}") {
            if let Some(child) = TraceContext::child_of(&text) {
                prop_assert!(text.contains(&child.trace_id()) && text.contains(&child.span_id()));
            }
        }
    }
}
