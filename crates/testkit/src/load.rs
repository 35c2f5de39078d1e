//! Clients that send request after request and remember every outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::RequestBuilder;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::{Answer, Failure, Picture, Service, client};

/// One request to be sent, by POST.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Path and query.
    pub path: String,
    /// The `Content-Type`, if there shall be one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Sent as `x-request-id`; unique.
    pub request_id: String,
    /// Sent as `x-request-timeout-ms`, if there shall be one.
    pub deadline: Option<Duration>,
}

impl Shot {
    /// A request with an id of its own.
    pub fn new(path: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let request_id = Uuid::now_v7().to_string();
        let content_type = Some(content_type.to_owned());
        Self { path: path.into(), content_type, body: body.into(), request_id, deadline: None }
    }

    /// The same with a deadline, in whole milliseconds.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Asks a model for what is in a picture.
    pub fn picture(model: &str, picture: &Picture) -> Self {
        Self::new(format!("/predict?model={model}"), picture.content_type, picture.bytes.clone())
    }

    /// The request as `client` sends it to the service at the URL `base`.
    pub fn request(&self, client: &reqwest::Client, base: &str) -> RequestBuilder {
        let request = client.post(format!("{base}{}", self.path)).header("x-request-id", &self.request_id);
        let request = match &self.content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        };
        let request = match self.deadline {
            Some(deadline) => request.header("x-request-timeout-ms", deadline.as_millis().to_string()),
            None => request,
        };
        request.body(self.body.clone())
    }
}

/// What became of one request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The request.
    pub shot: Shot,
    /// When it was sent.
    pub started: Instant,
    /// Seconds until the answer was complete.
    pub seconds: f64,
    /// The answer.
    pub answer: Result<Answer, Failure>,
}

impl Outcome {
    /// The answer's status; `None` if there is no answer.
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|answer| answer.status)
    }
}

/// What to send, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Clients that send at the same time, each over a connection of its own.
    pub connections: usize,
    /// Time between two requests of one client; zero for as fast as answers come.
    pub every: Duration,
    /// Requests of all clients together, or until told to stop.
    pub requests: Option<usize>,
}

impl Load {
    /// Starts sending to a service. `next` makes the request of each number, counted from 0.
    pub fn start(self, service: &Service, next: impl Fn(usize) -> Shot + Send + Sync + 'static) -> RunningLoad {
        let shared = Arc::new(Shared {
            load: self,
            base: service.url(""),
            next: Box::new(next),
            sent: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let clients = (0..self.connections).map(|_| tokio::spawn(send_all(shared.clone()))).collect();
        RunningLoad { shared, clients }
    }

    /// Sends it all, and returns what became of it.
    pub async fn run(self, service: &Service, next: impl Fn(usize) -> Shot + Send + Sync + 'static) -> Vec<Outcome> {
        self.start(service, next).finish().await
    }
}

/// Clients at work.
pub struct RunningLoad {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<Outcome>>>,
}

impl RunningLoad {
    /// Requests that have got a complete answer so far.
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Lets each client finish the request it is at.
    pub async fn stop(self) -> Vec<Outcome> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.finish().await
    }

    /// Waits until all is sent.
    ///
    /// # Panics
    /// If a client has panicked.
    pub async fn finish(self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for client in self.clients {
            outcomes.extend(client.await.expect("a client ends well"));
        }
        outcomes
    }
}

/// The value below which the share `quantile` (0 to 1) of the values lies.
///
/// # Panics
/// If there are no values.
pub fn percentile(values: impl IntoIterator<Item = f64>, quantile: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let position = (values.len() as f64 * quantile) as usize;
    values[position.min(values.len() - 1)]
}

struct Shared {
    load: Load,
    base: String,
    next: Box<dyn Fn(usize) -> Shot + Send + Sync>,
    sent: AtomicUsize,
    answered: AtomicUsize,
    stop: AtomicBool,
}

async fn send_all(shared: Arc<Shared>) -> Vec<Outcome> {
    let client = client();
    let mut pace = interval(shared.load.every.max(Duration::from_nanos(1)));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outcomes = Vec::new();
    loop {
        if !shared.load.every.is_zero() {
            pace.tick().await;
        }
        let number = shared.sent.fetch_add(1, Ordering::Relaxed);
        let all = shared.load.requests.is_some_and(|requests| number >= requests);
        if all || shared.stop.load(Ordering::Relaxed) {
            return outcomes;
        }
        let shot = (shared.next)(number);
        let started = Instant::now();
        let answer = Answer::to(shot.request(&client, &shared.base)).await;
        if answer.is_ok() {
            shared.answered.fetch_add(1, Ordering::Relaxed);
        }
        outcomes.push(Outcome { shot, started, seconds: started.elapsed().as_secs_f64(), answer });
    }
}
