//! Requests that were made before, sent from one thread that costs little.

use std::net::SocketAddr;
use std::rc::Rc;

use tokio::runtime;
use tokio::task::LocalSet;

use super::schedule::{Load, Schedule};
use crate::{Failure, HttpConnection};

/// What is kept of one answer.
#[derive(Clone, Copy, Debug)]
pub struct LoadReply {
    /// Its status.
    pub status: u16,
    /// Its `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// Seconds from when its request was due to its last byte.
    pub seconds: f64,
}

impl Load {
    /// Sends these whole requests in turn, and from the first again; blocks until all are answered.
    ///
    /// # Errors
    /// The first [`Failure`] of a connection.
    ///
    /// # Panics
    /// If there is no runtime.
    pub fn flood(self, address: SocketAddr, requests: &Rc<Vec<Vec<u8>>>) -> Result<Vec<LoadReply>, Failure> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, async {
            let schedule = Rc::new(Schedule::begin(self));
            let send = |_| tokio::task::spawn_local(send_all(address, requests.clone(), schedule.clone()));
            let senders: Vec<_> = (0..self.connections).map(send).collect();
            let mut replies = Vec::new();
            for sender in senders {
                replies.extend(sender.await.expect("a sender ends well")?);
            }
            Ok(replies)
        })
    }
}

async fn send_all(
    address: SocketAddr,
    requests: Rc<Vec<Vec<u8>>>,
    schedule: Rc<Schedule>,
) -> Result<Vec<LoadReply>, Failure> {
    let (mut connection, mut replies) = (HttpConnection::to(address), Vec::new());
    while let Some(next) = schedule.next().await {
        let answer = connection.send(&requests[next.number % requests.len()]).await?;
        let retry_after = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
        replies.push(LoadReply { status: answer.status, retry_after, seconds: next.due.elapsed().as_secs_f64() });
    }
    Ok(replies)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::percentile;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    const STALL: Duration = Duration::from_millis(300);
    const CONNECTIONS: usize = 64;

    fn requests(texts: &[&str]) -> Rc<Vec<Vec<u8>>> {
        Rc::new(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
    }

    /// Answers each request at once, or after a stall if it says `wait`.
    fn stalling_server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                thread::spawn(move || {
                    let mut request = [0; 4];
                    while connection.read_exact(&mut request).is_ok() {
                        if &request == b"wait" {
                            thread::sleep(STALL);
                        }
                        let _ = connection.write_all(ANSWER);
                    }
                });
            }
        });
        address
    }

    #[test]
    fn a_stall_is_charged_to_all_that_were_due_meanwhile() {
        // More requests are due in one stall than there are connections, so that the later ones have to wait for one.
        let rate = 4.0 * CONNECTIONS as f64 / STALL.as_secs_f64();
        let load = Load::open(CONNECTIONS, rate).requests(4 * CONNECTIONS);
        let replies = load.flood(stalling_server(), &requests(&["wait"])).unwrap();
        assert_eq!(replies.len(), 4 * CONNECTIONS);
        // What a closed loop would have seen is one stall for each; here the last quarter saw more than two.
        let late = percentile(replies.iter().map(|reply| reply.seconds), 0.8);
        assert!(late > 2.0 * STALL.as_secs_f64(), "{late}");
        assert!(replies.iter().all(|reply| reply.seconds >= STALL.as_secs_f64()));
    }

    #[test]
    fn requests_keep_to_their_moments() {
        let started = Instant::now();
        let load = Load::open(4, 200.0).lasting(Duration::from_millis(200));
        assert_eq!(load.flood(stalling_server(), &requests(&["none"])).unwrap().len(), 40);
        assert!(started.elapsed().as_secs_f64() >= 39.0 / 200.0, "they were sent in {:?}", started.elapsed());
    }

    #[test]
    fn a_closed_loop_ends_with_its_last_request() {
        let replies = Load::closed(3).requests(10).flood(stalling_server(), &requests(&["one.", "two."])).unwrap();
        assert_eq!(replies.len(), 10);
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.retry_after.is_none()));
    }
}
