//! When a call's answer is of no use any more.
//!
//! Source of the format: gRPC over HTTP/2, `Timeout`: up to eight digits and a unit.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use monitoring::ApiError;

use crate::oip::refusal::invalid;
use crate::predict;

const TIMEOUT: &str = "grpc-timeout";
const MAX_DIGITS: usize = 8;

/// The moment that gRPC's own header names, or else the one that HTTP would have. The longest wait is the same for both.
///
/// # Errors
/// `invalid_request` if the header is not a timeout.
pub(super) fn deadline(headers: &HeaderMap, default_timeout: Duration) -> Result<Instant, ApiError> {
    let Some(value) = headers.get(TIMEOUT) else {
        return predict::deadline_of(headers, default_timeout);
    };
    let timeout = value.to_str().ok().and_then(timeout).ok_or_else(|| {
        invalid(format!("{TIMEOUT} must be a whole number of up to {MAX_DIGITS} digits and one of the units HMSmun."))
    })?;
    Ok(Instant::now() + timeout.min(predict::MAX_TIMEOUT))
}

fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts() {
        for (text, milliseconds) in [("1H", 3_600_000), ("2M", 120_000), ("3S", 3_000), ("45m", 45), ("99000u", 99)] {
            assert_eq!(timeout(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(timeout("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "1ä", "ä"] {
            assert_eq!(timeout(text), None, "{text}");
        }
    }
}
