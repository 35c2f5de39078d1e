//! What comes of sending requests for a while.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use testkit::Load;

use super::program::own_processor_seconds;

/// The most requests at a fixed rate that are under way at a time. Further ones that are due wait, and their latency grows.
const STEADY_CONNECTIONS: usize = 64;
/// Each connection has a request at least as often, for servers close silent connections (uvicorn after 5 s).
const MOST_SILENT_SECONDS: f64 = 2.0;

/// What came of a while of sending.
#[derive(Clone, Debug, Default)]
pub(super) struct LoadResult {
    /// Answers with 200.
    pub(super) answered: usize,
    /// Answers with anything else.
    pub(super) refused: usize,
    /// How long it took.
    pub(super) seconds: f64,
    /// Processor seconds of the client.
    pub(super) client: f64,
    /// Processor seconds of the server's inference threads, where they are known.
    pub(super) engine: f64,
    /// The server's other processor seconds.
    pub(super) rest: f64,
    /// Seconds of each answer, in rising order.
    pub(super) latencies: Vec<f64>,
}

impl LoadResult {
    /// Sends requests in turn from this thread, as the load says.
    ///
    /// # Errors
    /// Where a connection breaks.
    pub(super) fn send(load: Load, address: SocketAddr, requests: &Rc<Vec<Vec<u8>>>) -> Result<Self> {
        let (started, used) = (Instant::now(), own_processor_seconds()?);
        let replies = load.flood(address, requests)?;
        let (seconds, client) = (started.elapsed().as_secs_f64(), own_processor_seconds()? - used);
        let answered = replies.iter().filter(|reply| reply.status == 200).count();
        let mut latencies: Vec<f64> = replies.iter().map(|reply| reply.seconds).collect();
        latencies.sort_unstable_by(f64::total_cmp);
        Ok(Self { answered, refused: replies.len() - answered, seconds, client, latencies, ..Self::default() })
    }

    /// Sends each request once over a few connections.
    ///
    /// # Errors
    /// Where one is not answered with 200.
    pub(super) fn send_each(address: SocketAddr, requests: &Rc<Vec<Vec<u8>>>, connections: usize) -> Result<Self> {
        Self::send(Load::closed(connections).requests(requests.len()), address, requests)?.without_refusals()
    }

    /// Sends a request so many times a second.
    ///
    /// # Errors
    /// Where a connection breaks, or a request is not answered with 200.
    pub(super) fn steady(address: SocketAddr, request: &[u8], rate: f64, duration: Duration) -> Result<Self> {
        let connections = ((rate * MOST_SILENT_SECONDS) as usize).clamp(1, STEADY_CONNECTIONS);
        let load = Load::open(connections, rate).requests((rate * duration.as_secs_f64()) as usize);
        Self::send(load, address, &Rc::new(vec![request.to_vec()]))?.without_refusals()
    }

    fn without_refusals(self) -> Result<Self> {
        ensure!(self.refused == 0, "{} requests were not answered with 200", self.refused);
        Ok(self)
    }

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
