//! The least HTTP that a load needs, for what sends it shares the cores with what is measured.
//!
//! Rule of thumb: a request is bytes that were made before the clock runs; of an answer only its end matters.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request in full.
pub(super) fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A connection that is kept alive, with one request at a time on it.
pub(super) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Where nobody listens.
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, answer: Vec::with_capacity(1 << 16) })
    }

    /// Asks for a path, and gives the body of the answer.
    ///
    /// # Errors
    /// Where the answer is not 200.
    pub(super) fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
        self.ask(request.as_bytes()).with_context(|| format!("{path} does not answer"))
    }

    /// Sends a request in full, and gives the body of the answer.
    ///
    /// # Errors
    /// Where the answer is not 200.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let status = self.send(request)?;
        let body = &self.answer[end_of_head(&self.answer).unwrap_or_default()..];
        ensure!(status == 200, "the answer is {status}: {}", String::from_utf8_lossy(body));
        Ok(body.to_vec())
    }

    /// Sends a request in full, waits for the end of its answer, and gives its status.
    ///
    /// # Errors
    /// Where there is no answer.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request)?;
        self.answer.clear();
        let mut part = [0; 1 << 14];
        loop {
            let read = self.stream.read(&mut part)?;
            ensure!(read > 0, "the connection was closed before the answer's end");
            self.answer.extend_from_slice(&part[..read]);
            if let Some(status) = complete(&self.answer)? {
                return Ok(status);
            }
        }
    }
}

/// The status of an answer that has arrived in full; `None` while some of it is missing.
///
/// # Errors
/// Where it is no answer.
pub(super) fn complete(answer: &[u8]) -> Result<Option<u16>> {
    let Some(end) = end_of_head(answer) else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end])?;
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).context("there is no status")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.context("the answer does not say its length")?;
    Ok((answer.len() >= end + length).then_some(status))
}

fn end_of_head(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|position| position + 4)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let answer = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno";
        for end in 0..answer.len() {
            assert_eq!(complete(&answer[..end]).unwrap(), None);
        }
        assert_eq!(complete(answer).unwrap(), Some(429));
        assert!(complete(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
