//! The same request again and again, as fast as answers come or at a fixed rate, from one thread that costs little.
//!
//! Rule of thumb: at a fixed rate, a request is late when it was due and not when it could be sent, so that a service
//! which answers slowly does not make its latencies look better.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::LocalSet;
use tokio::time::sleep_until;

/// How to send.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Requests a second, or as many as are answered.
    pub rate: Option<f64>,
    /// How long requests are sent.
    pub duration: Duration,
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// Seconds from when its request was due to its last byte.
    pub seconds: f64,
}

impl Flood {
    /// Sends a request, which must be whole, over HTTP/1.1; blocks until all are answered.
    ///
    /// # Panics
    /// If a connection breaks, or an answer is none.
    pub fn run(self, address: SocketAddr, request: &[u8]) -> Vec<Reply> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            let (started, next) = (Instant::now(), Rc::new(Cell::new(0_u64)));
            let request: Rc<[u8]> = request.into();
            let send = |_| tokio::task::spawn_local(self.send(address, request.clone(), (started, next.clone())));
            let senders: Vec<_> = (0..self.connections).map(send).collect();
            let mut replies = Vec::new();
            for sender in senders {
                replies.extend(sender.await.expect("a sender ends well"));
            }
            replies
        })
    }

    async fn send(
        self,
        address: SocketAddr,
        request: Rc<[u8]>,
        (started, next): (Instant, Rc<Cell<u64>>),
    ) -> Vec<Reply> {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        stream.set_nodelay(true).expect("a socket");
        let (mut replies, mut answer) = (Vec::new(), Vec::with_capacity(4096));
        loop {
            let due = match self.rate {
                Some(rate) => {
                    let number = next.replace(next.get() + 1);
                    started + Duration::from_secs_f64(number as f64 / rate)
                }
                None => Instant::now(),
            };
            // Also where a service that is slow with refusals has made the rest late.
            if due.max(Instant::now()).duration_since(started) >= self.duration {
                return replies;
            }
            if due > Instant::now() {
                sleep_until(due.into()).await;
            }
            exchange(&stream, &request, &mut answer).await;
            let (status, retry_after) = status(&answer);
            replies.push(Reply { status, retry_after, seconds: due.elapsed().as_secs_f64() });
        }
    }
}

/// A whole request to `POST`.
pub fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: flood\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

async fn exchange(stream: &TcpStream, request: &[u8], answer: &mut Vec<u8>) {
    let mut sent = 0;
    while sent < request.len() {
        match stream.try_write(&request[sent..]) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => stream.writable().await.expect("a socket"),
            Err(error) => panic!("{error} while a request is sent"),
        }
    }
    answer.clear();
    let mut part = [0; 4096];
    while !is_complete(answer) {
        stream.readable().await.expect("a socket");
        match stream.try_read(&mut part) {
            Ok(0) => panic!("the connection was closed after {:?}", String::from_utf8_lossy(answer)),
            Ok(read) => answer.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error} while an answer is read"),
        }
    }
}

fn head(answer: &[u8]) -> Option<&str> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    std::str::from_utf8(&answer[..end]).ok()
}

fn header(head: &str, wanted: &str) -> Option<u64> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).and_then(|(_, value)| value.trim().parse().ok())
}

fn is_complete(answer: &[u8]) -> bool {
    head(answer).is_some_and(|head| {
        let length = header(head, "content-length").expect("an answer that says its length");
        answer.len() as u64 >= head.len() as u64 + 4 + length
    })
}

fn status(answer: &[u8]) -> (u16, Option<u64>) {
    let head = head(answer).unwrap_or_default();
    let status = head.get(9..12).and_then(|digits| digits.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {head:?}")), header(head, "retry-after"))
}
