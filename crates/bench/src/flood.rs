//! Many requests at a time.
//!
//! Rule of thumb: closed loops. Each connection sends its next request when its last one is answered, so an
//! overloaded service is not buried, and what is measured is what it can do.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::program::own_processor_seconds;
use super::wire::{Connection, complete};

/// Sends each request once over a few connections; gives the seconds that it took.
///
/// # Errors
/// Where one is not answered with 200.
pub(super) fn send_each(address: SocketAddr, requests: &[Vec<u8>], connections: usize) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let one = || -> Result<()> {
        let mut connection = Connection::open(address)?;
        while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let status = connection.send(request)?;
            ensure!(status == 200, "a request was answered with {status}");
        }
        Ok(())
    };
    let started = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a sender panicked"))?)
    })?;
    Ok(started.elapsed().as_secs_f64())
}

/// What came of a while of sending.
#[derive(Clone, Debug, Default)]
pub(super) struct Flood {
    /// Answers with 200.
    pub(super) answered: usize,
    /// Answers with anything else.
    pub(super) refused: usize,
    /// How long it took.
    pub(super) seconds: f64,
    /// Processor seconds of whoever sent.
    pub(super) client: f64,
    /// Processor seconds of the inference threads of whoever answered, where they are known.
    pub(super) engine: f64,
    /// Its other processor seconds.
    pub(super) rest: f64,
    /// Seconds of each answer, in rising order.
    pub(super) latencies: Vec<f64>,
}

impl Flood {
    /// Answers a second.
    pub(super) fn per_second(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    /// The latency that a part of the answers stayed below.
    pub(super) fn quantile(&self, part: f64) -> f64 {
        let index = (part * self.latencies.len() as f64) as usize;
        self.latencies.get(index.min(self.latencies.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// Sends requests over this many connections, from one thread, for `duration` or until none is left.
///
/// # Errors
/// Where a connection breaks.
pub(super) fn flood<R: AsRef<[u8]> + Send + Sync + 'static>(
    address: SocketAddr,
    requests: &Arc<Vec<R>>,
    connections: usize,
    duration: Duration,
) -> Result<Flood> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let next = Arc::new(AtomicUsize::new(0));
        let mut streams = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await.context("there is no connection")?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let (started, used) = (Instant::now(), own_processor_seconds()?);
        let deadline = started + duration;
        let mut senders = JoinSet::new();
        for stream in streams {
            senders.spawn(send_until(stream, requests.clone(), next.clone(), deadline));
        }
        let mut sum = Flood::default();
        while let Some(sender) = senders.join_next().await {
            let sender = sender??;
            sum.answered += sender.answered;
            sum.refused += sender.refused;
            sum.latencies.extend(sender.latencies);
        }
        sum.seconds = started.elapsed().as_secs_f64();
        sum.client = own_processor_seconds()? - used;
        sum.latencies.sort_unstable_by(f64::total_cmp);
        Ok(sum)
    })
}

async fn send_until<R: AsRef<[u8]>>(
    mut stream: TcpStream,
    requests: Arc<Vec<R>>,
    next: Arc<AtomicUsize>,
    deadline: Instant,
) -> Result<Flood> {
    let mut flood = Flood::default();
    let mut answer = Vec::with_capacity(4096);
    while Instant::now() < deadline
        && let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed))
    {
        let sent = Instant::now();
        match exchange(&mut stream, request.as_ref(), &mut answer).await? {
            200 => flood.answered += 1,
            _ => flood.refused += 1,
        }
        flood.latencies.push(sent.elapsed().as_secs_f64());
    }
    Ok(flood)
}

async fn exchange(stream: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) -> Result<u16> {
    let mut sent = 0;
    while sent < request.len() {
        sent += poll_fn(|context| Pin::new(&mut *stream).poll_write(context, &request[sent..])).await?;
    }
    answer.clear();
    let mut part = [0; 4096];
    loop {
        // Waits after a part that was not full, instead of asking once more for what is not there.
        let mut read = ReadBuf::new(&mut part);
        poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut read)).await?;
        ensure!(!read.filled().is_empty(), "the connection was closed before the answer's end");
        answer.extend_from_slice(read.filled());
        if let Some(status) = complete(answer)? {
            return Ok(status);
        }
    }
}
