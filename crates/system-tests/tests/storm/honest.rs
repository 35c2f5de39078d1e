//! Clients that mean well: they ask one thing after the other, and come again when they are told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::json;
use testkit::{Answer, Failure, HttpConnection, HttpRequest, Picture, pictures};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use crate::grpc::GrpcClient;
use crate::question::HonestQuestion;

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

impl HonestOutcome {
    /// Whether it is a true label that was taken.
    pub(super) fn is_acknowledged_label(&self) -> bool {
        self.ask == HonestAsk::Label && self.status == Some(200)
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
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let client = |number| {
            let random = Rng::with_seed(seed.wrapping_add(number));
            let client = HonestClient::to(targets, random, acknowledged.clone());
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
    /// Records that were acknowledged to any client.
    acknowledged: Arc<AtomicU64>,
}

impl HonestClient {
    fn to(targets: HonestTargets, random: Rng, acknowledged: Arc<AtomicU64>) -> Self {
        Self {
            inference: HttpConnection::to(targets.inference),
            logging: HttpConnection::to(targets.logging),
            grpc: GrpcClient::to(targets.grpc),
            random,
            examples: ["cifar10", "surface"].map(|model| (model, pictures(model))),
            predicted: None,
            acknowledged,
        }
    }

    async fn work(mut self, stop: Arc<AtomicBool>) -> Vec<HonestOutcome> {
        let mut outcomes = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let ask = HonestAsk::ALL[self.random.usize(..HonestAsk::ALL.len())];
            let (request_id, started) = (self.id_for(ask), Instant::now());
            let status = match ask {
                HonestAsk::Question => self.question().await,
                _ => self.ask_until_answered(ask, &request_id).await,
            };
            if status == Some(200) && ask.is_stored() {
                self.predicted = Some(request_id.clone());
                self.acknowledged.fetch_add(u64::from(ask == HonestAsk::Record), Ordering::Relaxed);
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

    /// Asks a question, and looks at what is answered.
    async fn question(&mut self) -> Option<u16> {
        let question = HonestQuestion::ALL[self.random.usize(..HonestQuestion::ALL.len())];
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        let answer = self.send_until_answered(false, &HttpRequest::get(question.path())).await?;
        if answer.status == 200 {
            question.assert_answered(&answer.json(), acknowledged);
        }
        Some(answer.status)
    }

    /// Asks, and asks again where the service says that it is overloaded or not ready.
    async fn ask_until_answered(&mut self, ask: HonestAsk, request_id: &str) -> Option<u16> {
        if let Some(request) = self.request(ask, request_id) {
            let answer = self.send_until_answered(!ask.is_of_logging(), &request).await;
            return answer.map(|answer| answer.status);
        }
        for _ in 0..=RETRIES {
            let status = self.grpc.infer(request_id).await;
            if status != Some(429) {
                return status;
            }
            sleep(Duration::from_secs(1)).await;
        }
        Some(429)
    }

    /// The last answer, to the inference service's or the logging service's request.
    async fn send_until_answered(&mut self, is_of_inference: bool, request: &HttpRequest) -> Option<Answer> {
        let connection = if is_of_inference { &mut self.inference } else { &mut self.logging };
        for _ in 0..RETRIES {
            let answer = connection.send(&request.bytes()).await;
            let Some(pause) = pause_of(&answer) else { return answer.ok() };
            sleep(Duration::from_secs(pause)).await;
        }
        connection.send(&request.bytes()).await.ok()
    }

    /// The request over HTTP; `None` for what goes over gRPC, and for questions.
    fn request(&mut self, ask: HonestAsk, request_id: &str) -> Option<HttpRequest> {
        let json = |path: &str, body: serde_json::Value| {
            HttpRequest::post(path, body.to_string()).header("content-type", "application/json")
        };
        let request = match ask {
            HonestAsk::Grpc | HonestAsk::Question => return None,
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
