//! Clients that mean well: they ask one thing after the other, and come again when they are told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::json;
use testkit::{Answer, Failure, HttpConnection, HttpRequest, Picture, pictures};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use crate::grpc::GrpcClient;

/// Clients at work.
const CLIENTS: u64 = 6;
/// Milliseconds between two requests of a client.
const PAUSE: std::ops::Range<u64> = 20..120;
/// How often a client comes again after 429 or 503, as `Retry-After` says.
const RETRIES: usize = 3;
/// The longest pause before that.
const LONGEST_PAUSE: u64 = 2;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HonestAsk {
    Picture,
    Numbers,
    V2,
    Grpc,
    Record,
    Label,
    Question,
}

/// What became of one request.
#[derive(Clone, Debug)]
pub(super) struct HonestOutcome {
    pub(super) ask: HonestAsk,
    /// Of a prediction, of a record, or of the prediction that a label is for.
    pub(super) request_id: String,
    pub(super) started: Instant,
    pub(super) ended: Instant,
    /// The status of the last answer; `None` where there was none.
    pub(super) status: Option<u16>,
}

impl HonestAsk {
    pub(super) const ALL: [Self; 7] =
        [Self::Picture, Self::Numbers, Self::V2, Self::Grpc, Self::Record, Self::Label, Self::Question];

    /// Whether an answer promises a row in the log.
    pub(super) fn is_stored(self) -> bool {
        !matches!(self, Self::Label | Self::Question)
    }

    /// Whether the logging service answers it.
    pub(super) fn is_of_logging(self) -> bool {
        matches!(self, Self::Record | Self::Label | Self::Question)
    }
}

/// Where the services are.
#[derive(Clone, Copy, Debug)]
pub(super) struct HonestTargets {
    pub(super) inference: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) logging: SocketAddr,
}

/// The clients at work.
pub(super) struct HonestClients {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<HonestOutcome>>>,
}

impl HonestClients {
    /// Lets them begin.
    pub(super) fn start(targets: HonestTargets, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |number| {
            let client = HonestClient::to(targets, Rng::with_seed(seed.wrapping_add(number)));
            tokio::spawn(client.work(stop.clone()))
        };
        let tasks = (0..CLIENTS).map(client).collect();
        Self { stop, tasks }
    }

    /// Lets them finish, and gives what became of all they asked.
    pub(super) async fn stop(self) -> Vec<HonestOutcome> {
        self.stop.store(true, Ordering::Relaxed);
        let mut outcomes = Vec::new();
        for task in self.tasks {
            outcomes.extend(task.await.expect("a client ends well"));
        }
        outcomes
    }
}

struct HonestClient {
    inference: HttpConnection,
    logging: HttpConnection,
    grpc: GrpcClient,
    random: Rng,
    examples: [(&'static str, Vec<Picture>); 2],
    /// The last prediction that was answered.
    predicted: Option<String>,
}

impl HonestClient {
    fn to(targets: HonestTargets, random: Rng) -> Self {
        Self {
            inference: HttpConnection::to(targets.inference),
            logging: HttpConnection::to(targets.logging),
            grpc: GrpcClient::to(targets.grpc),
            random,
            examples: ["cifar10", "surface"].map(|model| (model, pictures(model))),
            predicted: None,
        }
    }

    async fn work(mut self, stop: Arc<AtomicBool>) -> Vec<HonestOutcome> {
        let mut outcomes = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let ask = HonestAsk::ALL[self.random.usize(..HonestAsk::ALL.len())];
            let (request_id, started) = (self.id_for(ask), Instant::now());
            let status = self.ask_until_answered(ask, &request_id).await;
            if status == Some(200) && ask.is_stored() {
                self.predicted = Some(request_id.clone());
            }
            outcomes.push(HonestOutcome { ask, request_id, started, ended: Instant::now(), status });
            sleep(Duration::from_millis(self.random.u64(PAUSE))).await;
        }
        outcomes
    }

    fn id_for(&self, ask: HonestAsk) -> String {
        let last = self.predicted.clone().filter(|_| ask == HonestAsk::Label);
        last.unwrap_or_else(|| Uuid::now_v7().to_string())
    }

    /// Asks, and asks again where the service says that it is overloaded or not ready.
    async fn ask_until_answered(&mut self, ask: HonestAsk, request_id: &str) -> Option<u16> {
        let request = self.request(ask, request_id);
        for _ in 0..RETRIES {
            let Some(request) = &request else { return self.grpc.infer(request_id).await };
            let connection = if ask.is_of_logging() { &mut self.logging } else { &mut self.inference };
            let answer = connection.send(&request.bytes()).await;
            let Some(pause) = pause_of(&answer) else { return answer.ok().map(|answer| answer.status) };
            sleep(Duration::from_secs(pause)).await;
        }
        Some(429)
    }

    /// The request over HTTP; `None` for what goes over gRPC.
    fn request(&mut self, ask: HonestAsk, request_id: &str) -> Option<HttpRequest> {
        let json = |path: &str, body: serde_json::Value| {
            HttpRequest::post(path, body.to_string()).header("content-type", "application/json")
        };
        let request = match ask {
            HonestAsk::Grpc => return None,
            HonestAsk::Picture => {
                let (model, pictures) = &self.examples[self.random.usize(..self.examples.len())];
                let picture = &pictures[self.random.usize(..pictures.len())];
                HttpRequest::post(&format!("/predict?model={model}"), picture.bytes.clone())
                    .header("content-type", picture.content_type)
            }
            HonestAsk::Numbers => json("/predict", json!({ "model": "surface", "input": vec![0.25; 64 * 64] })),
            HonestAsk::V2 => {
                let data = vec![0.5; 3 * 32 * 32];
                let input = json!({ "name": "input", "datatype": "FP32", "shape": [1, 3, 32, 32], "data": data });
                json("/v2/models/cifar10/infer", json!({ "id": request_id, "inputs": [input] }))
            }
            HonestAsk::Record => {
                let record = json!({ "model": "honest", "label": "x", "confidence": 0.5, "request_id": request_id,
                                     "event_id": request_id });
                json("/log", record)
            }
            HonestAsk::Label => json("/feedback", json!({ "request_id": request_id, "label": "x" })),
            HonestAsk::Question => {
                let questions = ["/predictions?limit=20", "/stats?window=1h", "/quality?window=1h", "/models"];
                HttpRequest::get(questions[self.random.usize(..questions.len())])
            }
        };
        Some(request.header("x-request-id", request_id))
    }
}

/// Seconds to wait before the same is asked again; `None` where the answer is one.
fn pause_of(answer: &Result<Answer, Failure>) -> Option<u64> {
    let answer = answer.as_ref().ok().filter(|answer| [429, 503].contains(&answer.status))?;
    let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
    Some(seconds.unwrap_or(1).min(LONGEST_PAUSE))
}
