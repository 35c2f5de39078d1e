//! Requests at a fixed rate.
//!
//! Rule of thumb: an open loop. Each request has a moment at which it is due, whatever became of those before it, and
//! its latency counts from then: whoever stalls is charged for everybody who would have come meanwhile.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::flood::Flood;
use super::program::own_processor_seconds;
use super::wire::Connection;

/// So many requests may be under way; those that are due beyond them wait, and their latency grows.
const CONNECTIONS: usize = 64;
/// Each connection has a request at least as often, for servers close those that they do not hear of (uvicorn: for 5 s).
const MOST_SILENT_SECONDS: f64 = 2.0;
/// For the senders to be there before the first request is due.
const HEAD_START: Duration = Duration::from_millis(50);

/// Sends a request so many times a second, for `duration` and until all are answered.
///
/// # Errors
/// Where a connection breaks, or a request is not answered with 200.
pub(super) fn steady(address: SocketAddr, request: &[u8], rate: f64, duration: Duration) -> Result<Flood> {
    let requests = (rate * duration.as_secs_f64()) as usize;
    let connections = ((rate * MOST_SILENT_SECONDS) as usize).clamp(1, CONNECTIONS);
    let next = AtomicUsize::new(0);
    let start = Instant::now() + HEAD_START;
    let sender = || send(Connection::open(address)?, request, || due(&next, requests, start, rate));
    let parts = thread::scope(|scope| {
        let senders: Vec<_> = (0..connections).map(|_| scope.spawn(sender)).collect();
        let join = |sender: thread::ScopedJoinHandle<'_, _>| sender.join().map_err(|_| anyhow!("a sender panicked"))?;
        senders.into_iter().map(join).collect::<Result<Vec<Flood>>>()
    })?;
    let mut sum = Flood { seconds: start.elapsed().as_secs_f64(), ..Flood::default() };
    for part in parts {
        sum.answered += part.answered;
        sum.client += part.client;
        sum.latencies.extend(part.latencies);
    }
    sum.latencies.sort_unstable_by(f64::total_cmp);
    Ok(sum)
}

/// The moment of the next request; `None` when there is none left.
fn due(next: &AtomicUsize, requests: usize, start: Instant, rate: f64) -> Option<Instant> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    (number < requests).then(|| start + Duration::from_secs_f64(number as f64 / rate))
}

fn send(mut connection: Connection, request: &[u8], mut due: impl FnMut() -> Option<Instant>) -> Result<Flood> {
    let mut flood = Flood::default();
    while let Some(due) = due() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let status = connection.send(request)?;
        ensure!(status == 200, "a request was answered with {status}");
        flood.answered += 1;
        flood.latencies.push(due.elapsed().as_secs_f64());
    }
    flood.client = own_processor_seconds()?;
    Ok(flood)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    const STALL: Duration = Duration::from_millis(300);

    /// Answers everybody at once, but nobody during the stall at its start.
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
    fn a_stall_is_charged_to_all_who_were_due_meanwhile() {
        // More requests are due in one stall than there are connections, so that the later ones have to wait for one.
        let rate = 4.0 * CONNECTIONS as f64 / STALL.as_secs_f64();
        let flood = steady(stalling_server(), b"wait", rate, STALL).unwrap();
        assert_eq!((flood.answered, flood.latencies.len()), (4 * CONNECTIONS, 4 * CONNECTIONS));
        // What a closed loop would have seen is one stall for each; here the last quarter saw more than two.
        assert!(flood.quantile(0.8) > 2.0 * STALL.as_secs_f64(), "{}", flood.quantile(0.8));
        assert!(flood.latencies[0] >= STALL.as_secs_f64());
    }

    #[test]
    fn requests_keep_to_their_moments() {
        let flood = steady(stalling_server(), b"none", 200.0, Duration::from_millis(200)).unwrap();
        assert_eq!(flood.answered, 40);
        assert!(flood.seconds >= 39.0 / 200.0, "they were sent in {} s", flood.seconds);
    }
}
