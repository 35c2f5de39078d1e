//! The least HTTP that tells whether a server is ready.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A server that takes longer counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);
const PROTOCOL: &[u8] = b"HTTP/1.";

/// Whether a GET of this path is answered with 200.
pub(super) fn answers_ok(address: SocketAddr, path: &str) -> bool {
    status(address, path).is_ok_and(|status| status == *b"200")
}

/// The three digits of the answer's status.
fn status(address: SocketAddr, path: &str) -> io::Result<[u8; 3]> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    // The answer begins with, for example, `HTTP/1.1 200`.
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    if !start.starts_with(PROTOCOL) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok([start[9], start[10], start[11]])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn only_200_is_ok() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.0 200", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("HTTP/1.1 20", false),
            ("SSH-2.0-x 200", false),
            ("", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let mut stream = listener.accept().unwrap().0;
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                stream.write_all(answer.as_bytes()).unwrap();
                String::from_utf8(request).unwrap()
            });
            assert_eq!(answers_ok(address, "/-/ready"), expected, "{answer:?}");
            assert!(server.join().unwrap().starts_with("GET /-/ready HTTP/1.0\r\n"));
            assert!(!answers_ok(address, "/"), "nobody listens");
        }
    }
}
