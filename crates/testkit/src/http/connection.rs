//! A connection with one request at a time on it.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{Answer, Failure};

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that are read at a time.
const PART: usize = 64 << 10;

/// A connection to an address. It is made when the first request is sent, kept as long as the server keeps it, and made
/// anew after it broke.
pub struct HttpConnection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    /// What has been read and not been used.
    read: Vec<u8>,
    /// Where the system writes what is read next.
    part: Vec<u8>,
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyEnd {
    /// By its length.
    Length(usize),
    /// It comes in chunks, the last of which is empty.
    Chunks,
    /// The server closes the connection.
    Close,
}

impl HttpConnection {
    /// A connection to this address, which is not made yet.
    pub fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, read: Vec::new(), part: vec![0; PART] }
    }

    /// Sends a request, which must be whole, and reads the answer to its end.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        let exchange = timeout(PATIENCE, self.exchange(request)).await;
        let answer = exchange.unwrap_or_else(|_| Err(Failure::Broken(format!("no answer within {PATIENCE:?}"))));
        let is_kept = answer
            .as_ref()
            .is_ok_and(|answer| BodyEnd::of(answer) != BodyEnd::Close && answer.header("connection") != Some("close"));
        if !is_kept {
            self.stream = None;
        }
        answer
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        self.connect().await?;
        let written = self.write(request).await;
        // A server may refuse a body before it has read all of it.
        let answer = self.read_answer().await;
        if let Err(error) = written {
            self.stream = None;
            return answer.map_err(|_| broken(error));
        }
        answer
    }

    async fn read_answer(&mut self) -> Result<Answer, Failure> {
        let end_of_head = self.read_until(|read| find(read, b"\r\n\r\n")).await?;
        let mut answer = Answer::begin(&self.read[..end_of_head])?;
        self.read.drain(..end_of_head);
        match BodyEnd::of(&answer) {
            BodyEnd::Length(length) => {
                self.read_until(|read| (read.len() >= length).then_some(length)).await?;
                let rest = self.read.split_off(length);
                answer.body = std::mem::replace(&mut self.read, rest);
            }
            BodyEnd::Chunks => while self.read_chunk(&mut answer.body).await? > 0 {},
            BodyEnd::Close => {
                while self.read_part().await.map_err(broken)? > 0 {}
                answer.body = std::mem::take(&mut self.read);
            }
        }
        Ok(answer)
    }

    /// Connects, unless there is a connection that the server has not closed.
    async fn connect(&mut self) -> Result<(), Failure> {
        if let Some(stream) = &self.stream {
            let nothing_to_read = |error: io::Error| error.kind() == ErrorKind::WouldBlock;
            if stream.try_read(&mut [0]).is_err_and(nothing_to_read) {
                return Ok(());
            }
        }
        self.read.clear();
        let stream = TcpStream::connect(self.address).await.map_err(|error| match error.kind() {
            // Where the port closes between the system's part of a connection and the service's, it is reset instead of
            // refused; nothing was sent over it.
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Failure::Refused,
            _ => broken(error),
        })?;
        stream.set_nodelay(true).map_err(broken)?;
        self.stream = Some(stream);
        Ok(())
    }

    async fn write(&mut self, request: &[u8]) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        let mut sent = 0;
        while sent < request.len() {
            sent += poll_fn(|context| Pin::new(&mut *stream).poll_write(context, &request[sent..])).await?;
        }
        Ok(())
    }

    /// Reads until there is an end in what has been read.
    async fn read_until(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> Result<usize, Failure> {
        loop {
            if let Some(end) = end(&self.read) {
                return Ok(end);
            }
            if self.read_part().await.map_err(broken)? == 0 {
                let so_far = String::from_utf8_lossy(&self.read);
                return Err(Failure::Broken(format!("the connection was closed after {so_far:?}")));
            }
        }
    }

    /// Moves the next chunk into a body, and says how long it was.
    async fn read_chunk(&mut self, body: &mut Vec<u8>) -> Result<usize, Failure> {
        let end_of_line = self.read_until(|read| find(read, b"\r\n")).await?;
        let line = String::from_utf8_lossy(&self.read[..end_of_line]).into_owned();
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| Failure::Broken(format!("no chunk: {line:?}")))?;
        // Behind a chunk is a line break; behind the last one, which is empty, as well.
        let end = end_of_line + size + 2;
        self.read_until(|read| (read.len() >= end).then_some(end)).await?;
        body.extend_from_slice(&self.read[end_of_line..end - 2]);
        self.read.drain(..end);
        Ok(size)
    }

    /// Reads what is there, and waits for it where nothing is; says how much that was.
    async fn read_part(&mut self) -> io::Result<usize> {
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        let mut buffer = ReadBuf::new(&mut self.part);
        // Waits after a part that was not full, instead of asking once more for what is not there.
        poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer)).await?;
        self.read.extend_from_slice(buffer.filled());
        Ok(buffer.filled().len())
    }
}

impl BodyEnd {
    fn of(answer: &Answer) -> Self {
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        match (answer.status, length) {
            (204 | 304, _) => Self::Length(0),
            (_, Some(length)) => Self::Length(length),
            _ if answer.header("transfer-encoding") == Some("chunked") => Self::Chunks,
            _ => Self::Close,
        }
    }
}

/// Where the first occurrence of these bytes ends.
fn find(read: &[u8], wanted: &[u8]) -> Option<usize> {
    Some(read.windows(wanted.len()).position(|bytes| bytes == wanted)? + wanted.len())
}

fn broken(error: io::Error) -> Failure {
    Failure::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers the requests of each connection with these bytes in turn, one connection after the other.
    fn server(connections: Vec<Vec<&'static str>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for answers in connections {
                let mut stream = listener.accept().unwrap().0;
                for answer in answers {
                    let mut request = [0; 4];
                    stream.read_exact(&mut request).unwrap();
                    for part in answer.as_bytes().chunks(7) {
                        stream.write_all(part).unwrap();
                    }
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn bodies_end_by_length_by_chunks_or_with_the_connection() {
        let by_length = "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 5\r\n\r\nhello";
        let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x\r\n0123456789\r\n0\r\n\r\n";
        let by_close = "HTTP/1.0 200 OK\r\n\r\nto the end";
        let empty = "HTTP/1.1 204 No Content\r\n\r\n";
        let address = server(vec![vec![by_length, chunks, empty, by_close], vec![by_length]]);
        let mut connection = HttpConnection::to(address);
        let mut bodies = Vec::new();
        for _ in 0..5 {
            let answer = connection.send(b"ask.").await.unwrap();
            bodies.push((answer.status, answer.text()));
            assert_eq!(answer.header("retry-after").is_some(), answer.status == 429);
        }
        let bodies: Vec<_> = bodies.iter().map(|(status, body)| (*status, body.as_str())).collect();
        let expected = [(429, "hello"), (200, "abc0123456789"), (204, ""), (200, "to the end"), (429, "hello")];
        assert_eq!(bodies, expected);
    }

    #[tokio::test]
    async fn a_broken_answer_is_told_from_no_listener() {
        let address = server(vec![vec!["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]]);
        let mut connection = HttpConnection::to(address);
        let broken = connection.send(b"ask.").await.unwrap_err();
        assert!(matches!(&broken, Failure::Broken(reason) if reason.contains("half")), "{broken:?}");
        // The listener went with the server's thread, which ends after its last connection.
        while connection.send(b"ask.").await.unwrap_err() != Failure::Refused {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
