//! What comes back over HTTP, or why nothing did.

use std::error::Error;
use std::fmt;

use serde_json::Value;

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
    head: Vec<u8>,
}

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens: the request was never accepted.
    Refused,
    /// The connection was made, and broke before the answer was complete, for this reason.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => formatter.write_str("nobody listens"),
            Self::Broken(reason) => formatter.write_str(reason),
        }
    }
}

impl Error for Failure {}

impl Answer {
    /// An answer with a head that has been read to its end, and a body that has not been read yet.
    pub(super) fn begin(head: &[u8]) -> Result<Self, Failure> {
        let status =
            head.strip_prefix(b"HTTP/1.").and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok()?.parse().ok());
        let status = status.ok_or_else(|| Failure::Broken("the answer has no status of HTTP/1".to_owned()))?;
        Ok(Self { status, head: head.to_vec(), body: Vec::new() })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The value of a header, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.split(|byte| *byte == b'\n').skip(1);
        lines
            .filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'))
            .find_map(|(other, value)| other.eq_ignore_ascii_case(name).then(|| value.trim()))
    }
}

/// Every refusal has one shape: JSON with a sentence, a code and the request's id, which is in the header as well.
///
/// # Panics
/// If this one has another.
pub fn assert_is_refusal(answer: &Answer) {
    let shown = || format!("{} {:?}", answer.status, answer.text());
    assert!((400..600).contains(&answer.status), "no refusal: {}", shown());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", shown());
    let body = answer.json();
    for member in ["error", "code", "request_id"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} is missing: {}", shown());
    }
}
