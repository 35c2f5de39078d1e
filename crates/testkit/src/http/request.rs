//! A request, written before the clock runs.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::answer::{Answer, Failure};
use super::connection::HttpConnection;

/// A request of HTTP/1.1 that keeps its connection.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    head: String,
    body: Vec<u8>,
}

impl HttpRequest {
    /// Asks for a path, which may have a query.
    pub fn get(path: &str) -> Self {
        Self { head: format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n"), body: Vec::new() }
    }

    /// Sends a body to a path, which may have a query.
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::with_body("POST", path, body.into())
    }

    /// Puts a body in the place of what is there.
    pub fn put(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::with_body("PUT", path, body.into())
    }

    fn with_body(method: &str, path: &str, body: Vec<u8>) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
        Self { head, body }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        // Writing to a String does not fail.
        let _ = write!(self.head, "{name}: {value}\r\n");
        self
    }

    /// The whole request as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Sends it over a connection of its own.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn send(&self, address: SocketAddr) -> Result<Answer, Failure> {
        HttpConnection::to(address).send(&self.bytes()).await
    }
}

/// Asks for `http://ADDRESS/PATH`, where the address is one of numbers, over a connection of its own.
///
/// # Errors
/// [`Failure`].
///
/// # Panics
/// If it is no such URL.
pub async fn get_url(url: &str) -> Result<Answer, Failure> {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url} is not of http"));
    let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let address = address.parse().unwrap_or_else(|_| panic!("{url} has no address"));
    HttpRequest::get(if path.is_empty() { "/" } else { path }).send(address).await
}

/// A path with query parameters, encoded.
pub fn path_with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let mut encoded = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
                _ => _ = write!(encoded, "%{byte:02X}"),
            }
        }
        encoded
    };
    let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_with_its_headers_and_its_length() {
        let request = HttpRequest::post("/log?a=b", "{}").header("content-type", "application/json");
        let expected = "POST /log?a=b HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}";
        assert_eq!(String::from_utf8(request.bytes()).unwrap(), expected);
        assert_eq!(
            path_with_query("/q", &[("query", "a{b=\"é\"}"), ("n", "1")]),
            "/q?query=a%7Bb%3D%22%C3%A9%22%7D&n=1"
        );
    }
}
