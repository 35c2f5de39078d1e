//! HTTP by hand, for what a well-behaved client does not do.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use crate::service::{Answer, PATIENCE, Service};

/// A connection to a service.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(service: &Service) -> Self {
        let stream = TcpStream::connect(service.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Says that nothing more will be sent, and still listens.
    pub(crate) fn finish_sending(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads one answer, whose length must be announced; one to HEAD has no body.
    pub(crate) fn answer(&mut self, to_head: bool) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap_or_else(|e| panic!("{e} after {}", String::from_utf8_lossy(&head)));
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())
        };
        let headers: reqwest::header::HeaderMap = lines.map(header).collect();
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        let mut body = vec![0; if to_head { 0 } else { length }];
        self.0.read_exact(&mut body).unwrap();
        Answer { status, headers, text: String::from_utf8(body.clone()).unwrap(), bytes: body }
    }

    /// Reads exactly as much as `bytes` has room for.
    pub(crate) fn read_exact(&mut self, bytes: &mut [u8]) {
        self.0.read_exact(bytes).unwrap();
    }

    /// Everything until the service closes the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        rest
    }
}
