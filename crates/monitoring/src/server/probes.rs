//! Probes: the requests that are answered even when all places are taken, and by a thread of their own.

use std::io;
use std::pin::Pin;
use std::task::ready;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, header};
use tokio::io::{AsyncRead, ReadBuf};

use crate::LabelEnum as _;
use crate::http::ErrorCode;
use crate::tls::Protocol;

/// The paths of probes.
const PATHS: [&str; 7] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/v2/health/live",
    "/v2/health/ready",
    "/grpc.health.v1.Health/Check",
];
/// What an HTTP/2 connection begins with (RFC 9113, 3.4), and the length and the kind of the frame that follows.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Where in the first bytes the kind of the first frame stands.
const FIRST_KIND: usize = PREFACE.len() + 3;
/// The kind of a SETTINGS frame.
const SETTINGS: u8 = 4;
/// Most bytes that are read ahead at once.
const FIRST_BYTES: usize = 1024;

/// Whether this is a probe.
pub(super) fn is_probe(method: &Method, path: &str) -> bool {
    let may_be = if path.starts_with("/grpc") {
        *method == Method::POST
    } else {
        *method == Method::GET || *method == Method::HEAD
    };
    may_be && PATHS.contains(&path)
}

/// Whether a connection over HTTP/1 begins with a probe.
pub(super) fn begins_with_probe(first: &[u8]) -> bool {
    let mut words = first.split(|&byte| byte == b' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return false };
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    let Ok(method) = Method::from_bytes(method) else { return false };
    str::from_utf8(path).is_ok_and(|path| is_probe(&method, path))
}

/// Waits for the first bytes of a connection: any over HTTP/1, over HTTP/2 the preface and the head of the frame after it.
/// Empty if the client leaves without a word.
///
/// # Errors
/// If reading fails, or the preface is not one.
pub(super) async fn first_bytes(stream: &mut (impl AsyncRead + Unpin), protocol: Protocol) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    loop {
        let read = read_some(stream).await?;
        first.extend_from_slice(&read);
        if protocol == Protocol::Http1 || read.is_empty() {
            return Ok(first);
        }
        let common = first.len().min(PREFACE.len());
        if first[..common] != PREFACE[..common] || first.get(FIRST_KIND).is_some_and(|&kind| kind != SETTINGS) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no preface of HTTP/2"));
        }
        if first.len() > FIRST_KIND {
            return Ok(first);
        }
    }
}

/// What comes next.
async fn read_some(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    std::future::poll_fn(|context| {
        // On the stack of the poll, so that a silent connection holds no buffer.
        let mut bytes = [0; FIRST_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        Ok(buffer.filled().to_vec()).into()
    })
    .await
}

/// What a call is told on a connection for which there is no place.
pub(super) fn no_place_over_grpc() -> Response<Body> {
    exhausted("All places for connections are taken.")
}

/// What a call is told of a connection that has its share of the calls under way.
pub(super) fn no_turn_over_grpc() -> Response<Body> {
    exhausted("Many calls are under way, and this connection has its share of them; try again later.")
}

/// RESOURCE_EXHAUSTED.
fn exhausted(sentence: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static("8"));
    headers.insert("code", HeaderValue::from_static(ErrorCode::Overloaded.as_str()));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert("grpc-message", HeaderValue::from_static(sentence));
    answer
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_known_by_its_first_line() {
        for (first, expected) in [
            (&b"GET /health/live HTTP/1.1\r\nhost: x\r\n"[..], true),
            (b"GET /health/ready?now=1 HTTP/1.0\r\n", true),
            (b"HEAD /metrics HTTP/1.1\r\n", true),
            (b"POST /metrics HTTP/1.1\r\n", false),
            (b"GET /health/livelong HTTP/1.1\r\n", false),
            (b"GET", false),
            (b"\xff\xfe \xff", false),
        ] {
            assert_eq!(begins_with_probe(first), expected, "{}", String::from_utf8_lossy(first));
        }
    }

    #[tokio::test]
    async fn what_is_no_preface_ends_the_connection() {
        let read = async |mut bytes: &[u8]| first_bytes(&mut bytes, Protocol::Http2).await;
        let settings = [PREFACE, &[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]].concat();
        assert_eq!(read(&settings).await.unwrap(), settings);
        assert!(read(b"GET / HTTP/1.1\r\n\r\n").await.is_err());
        let ping = [PREFACE, &[0, 0, 8, 6]].concat();
        assert!(read(&ping).await.is_err());
    }
}
