//! Requests of which everything is remembered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::schedule::{Load, Schedule};
use crate::{Answer, Failure, HttpConnection, HttpRequest, Picture, Service};

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

    /// The request as it is sent.
    pub fn request(&self) -> HttpRequest {
        let mut request = HttpRequest::post(&self.path, self.body.clone()).header("x-request-id", &self.request_id);
        if let Some(content_type) = &self.content_type {
            request = request.header("content-type", content_type);
        }
        if let Some(deadline) = self.deadline {
            request = request.header("x-request-timeout-ms", &deadline.as_millis().to_string());
        }
        request
    }
}

/// What became of one request.
#[derive(Clone, Debug)]
pub struct ShotOutcome {
    /// The request.
    pub shot: Shot,
    /// When it was sent.
    pub started: Instant,
    /// Seconds until the answer was complete: in an open loop, from when it was due.
    pub seconds: f64,
    /// The answer.
    pub answer: Result<Answer, Failure>,
}

impl ShotOutcome {
    /// The answer's status; `None` if there is no answer.
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|answer| answer.status)
    }
}

impl Load {
    /// Starts sending to a service. `next` makes the request of each number, counted from 0.
    pub fn start(self, service: &Service, next: impl Fn(usize) -> Shot + Send + Sync + 'static) -> RunningLoad {
        self.start_at(service.address, next)
    }

    /// The same to whatever listens at an address.
    pub fn start_at(self, address: SocketAddr, next: impl Fn(usize) -> Shot + Send + Sync + 'static) -> RunningLoad {
        let sender = Arc::new(ShotSender {
            address,
            next: Box::new(next),
            schedule: Schedule::begin(self),
            answered: AtomicUsize::new(0),
        });
        let tasks = (0..self.connections).map(|_| tokio::spawn(sender.clone().send_all())).collect();
        RunningLoad { sender, tasks }
    }

    /// Sends it all, and returns what became of it.
    pub async fn run(
        self,
        service: &Service,
        next: impl Fn(usize) -> Shot + Send + Sync + 'static,
    ) -> Vec<ShotOutcome> {
        self.start(service, next).finish().await
    }
}

/// A load under way.
pub struct RunningLoad {
    sender: Arc<ShotSender>,
    tasks: Vec<JoinHandle<Vec<ShotOutcome>>>,
}

impl RunningLoad {
    /// Requests that have got a complete answer so far.
    pub fn answered(&self) -> usize {
        self.sender.answered.load(Ordering::Relaxed)
    }

    /// Lets each connection finish the request it is at.
    pub async fn stop(self) -> Vec<ShotOutcome> {
        self.sender.schedule.stop();
        self.finish().await
    }

    /// Waits until all is sent.
    ///
    /// # Panics
    /// If a sender has panicked.
    pub async fn finish(self) -> Vec<ShotOutcome> {
        let mut outcomes = Vec::new();
        for task in self.tasks {
            outcomes.extend(task.await.expect("a sender ends well"));
        }
        outcomes
    }
}

/// Makes the shots of a load and sends them.
struct ShotSender {
    address: SocketAddr,
    next: Box<dyn Fn(usize) -> Shot + Send + Sync>,
    schedule: Schedule,
    answered: AtomicUsize,
}

impl ShotSender {
    async fn send_all(self: Arc<Self>) -> Vec<ShotOutcome> {
        let (mut connection, mut outcomes) = (HttpConnection::to(self.address), Vec::new());
        while let Some(scheduled) = self.schedule.next().await {
            let shot = (self.next)(scheduled.number);
            let request = shot.request().bytes();
            let started = Instant::now();
            let answer = connection.send(&request).await;
            if answer.is_ok() {
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            let seconds = scheduled.due.elapsed().as_secs_f64();
            outcomes.push(ShotOutcome { shot, started, seconds, answer });
        }
        outcomes
    }
}
