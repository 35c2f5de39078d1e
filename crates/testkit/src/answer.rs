//! What comes back over HTTP, or why nothing did.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// A client that keeps one connection and goes through no proxy.
///
/// # Panics
/// If it cannot be made.
pub fn client() -> Client {
    monitoring::use_ring();
    Client::builder().no_proxy().pool_max_idle_per_host(1).timeout(PATIENCE).build().expect("an HTTP client")
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens: the request was never accepted.
    Refused,
    /// The connection was made, and broke before the answer was complete; the errors with their causes.
    Broken(String),
}

impl Answer {
    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn to(request: RequestBuilder) -> Result<Self, Failure> {
        let response = request.send().await.map_err(failure)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(failure)?.to_vec();
        Ok(Self { status, headers, body })
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
        self.headers.get(name)?.to_str().ok()
    }
}

/// Every refusal has one shape: JSON with a sentence, a code and the request's id, which is in the header as well.
///
/// # Panics
/// If this one has another.
pub fn assert_is_refusal(answer: &Answer) {
    let shown = || format!("{} {:?}", answer.status, answer.text());
    assert!((400..600).contains(&answer.status), "no refusal: {}", shown());
    assert_eq!(answer.header(CONTENT_TYPE.as_str()), Some("application/json"), "{}", shown());
    let body = answer.json();
    for member in ["error", "code", "request_id"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} is missing: {}", shown());
    }
}

fn failure(error: reqwest::Error) -> Failure {
    // Where the port closes between the system's part of a connection and the service's, it is reset instead of refused;
    // nothing was sent over it.
    let is_never_accepted = |kind| {
        kind == io::ErrorKind::ConnectionRefused || (error.is_connect() && kind == io::ErrorKind::ConnectionReset)
    };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|io| is_never_accepted(io.kind())) {
            return Failure::Refused;
        }
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    Failure::Broken(text)
}
