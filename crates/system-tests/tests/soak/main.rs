//! A soak: mixed requests over more than ten kinds of model, from many clients at once, while models are loaded, unloaded
//! and replaced. Every answer is that of the same request alone.
//!
//! Rule of thumb: what is right is what the service said to the same request when nobody else asked; that those answers
//! are Python's as well is what the tests of real models and of conformance show.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exchange;
mod grpc;
mod orders;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use testkit::{Launch, Service, alone, copy_model, pictures, pypi, root};
use tokio::task::JoinSet;

use self::exchange::{Answered, Asked, Client, read_requests};
use self::orders::Orders;

/// How many requests an engine gets, unless the environment variable SOAK_REQUESTS says it.
const REQUESTS: usize = 12_000;
const CLIENTS: usize = 12;
/// Every so many requests, a client gives an order about a model.
const ORDER_EVERY: usize = 40;
/// Fewer kinds of model would be no soak.
const FEWEST_MODELS: usize = 10;
/// What the memory may grow by between a fifth of the way and the end: caches fill, and the allocator keeps some.
const GROWTH: f64 = 1.3;
const SLACK: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_that_of_the_same_request_alone() {
    let _alone = alone().await;
    let what = "mixed requests over many kinds of model";
    let (Some(python), Some(library)) = (pypi::python_with_models(what), pypi::onnxruntime(what)) else { return };
    for engine in ["onnxruntime", "tract"] {
        let folder = tempfile::tempdir().unwrap();
        make(&python, folder.path(), engine);
        let launch = Launch::inference().models(&folder.path().join("models")).flag("--engine=", engine);
        let launch = launch.flag("--onnxruntime-library=", &library).flag("--admin-listen=", "127.0.0.1:0");
        // A line for each prediction would fill the disk of who lets this run for an hour.
        let launch = launch.environment("RUST_LOG", "info,inference_service::predict::progress=off");
        soak(engine, folder.path(), &launch.flag("--model-poll-seconds=", "0.2")).await;
    }
}

async fn soak(engine: &str, folder: &Path, launch: &Launch) {
    let asked = asked_alone(engine, folder, &launch.start().await).await;
    let models: BTreeSet<&str> = asked.iter().map(|(asked, _)| asked.model.as_str()).collect();
    assert!(models.len() >= FEWEST_MODELS, "{engine} serves only {models:?}");
    let count = std::env::var("SOAK_REQUESTS").ok().map_or(REQUESTS, |count| count.parse().unwrap());
    let seed = std::env::var("SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    let over_grpc = asked.iter().filter(|(asked, _)| asked.is_grpc()).count();
    assert!(over_grpc >= asked.len() / 4, "{engine}: {over_grpc} of {} requests are of gRPC", asked.len());
    let kinds = asked.len();
    eprintln!("{engine}: {count} requests to {} models, {over_grpc} of {kinds} over gRPC, SEED={seed}", models.len());

    let service = launch.start().await;
    let orders = Orders::about(&models, service.admin_address(), folder.join("models"));
    let shared = Arc::new(Shared { asked, orders, count, sent: AtomicUsize::new(0), resident: Mutex::default() });
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let random = Rng::with_seed(seed.wrapping_add(client as u64));
        clients.spawn(shared.clone().ask(Client::of(&service), service.id(), random));
    }
    let mut problems = Vec::new();
    while let Some(client) = clients.join_next().await {
        problems.extend(client.unwrap().err());
    }
    assert!(problems.is_empty(), "{engine}, SEED={seed}: {}\n{}", problems.join("\n"), service.stderr());
    let (orders, refused) = shared.orders.told();
    assert!(orders >= count / ORDER_EVERY / 2, "{engine}: only {orders} orders");
    let course = shared.resident.lock().unwrap().clone();
    let (settled, resident) = (course[2], service.resident_bytes());
    let megabytes: Vec<u64> = course.iter().map(|bytes| bytes / 1_000_000).collect();
    eprintln!(
        "{engine}: {orders} orders, {refused} requests met a model that was away, MB at each tenth: {megabytes:?}"
    );
    assert!(resident as f64 <= settled as f64 * GROWTH + SLACK as f64, "{engine}: from {settled} to {resident} bytes");
    let metrics = service.metrics().await;
    assert_eq!(metrics.count("prediction_errors_total", &[("error_type", "internal")]), 0, "{engine}");
}

/// What all clients share.
struct Shared {
    /// Each request with its answer alone.
    asked: Vec<(Asked, Answered)>,
    orders: Orders,
    count: usize,
    sent: AtomicUsize,
    /// Bytes of memory after each tenth of the requests.
    resident: Mutex<Vec<u64>>,
}

impl Shared {
    /// A client: asks at random until all requests are sent.
    ///
    /// # Errors
    /// The first answer that differs.
    async fn ask(self: Arc<Self>, mut client: Client, process: u32, mut random: Rng) -> Result<(), String> {
        loop {
            let number = self.sent.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return Ok(());
            }
            if number.is_multiple_of((self.count / 10).max(1)) {
                self.resident.lock().unwrap().push(resident(process));
            }
            if number % ORDER_EVERY == ORDER_EVERY - 1 {
                self.orders.give(&mut random).await?;
            }
            let (asked, alone) = &self.asked[random.usize(..self.asked.len())];
            let before = self.orders.state_of(&asked.model);
            let answered = client.ask(asked).await?;
            if answered.is_away() && self.orders.excuse(&asked.model, before) {
                continue;
            }
            if !alone.is(&answered) {
                // The others need not go on.
                self.sent.store(self.count, Ordering::Relaxed);
                return Err(format!("{asked:?}\nalone: {alone:?}\namong others: {answered:?}"));
            }
        }
    }
}

/// Asks one request after another, twice, the second time from the last to the first: an answer that depends on what
/// was asked before shows here. Models that the engine refuses are left out.
async fn asked_alone(engine: &str, folder: &Path, service: &Service) -> Vec<(Asked, Answered)> {
    let mut requests = read_requests(&folder.join("requests.json"));
    for picture in pictures("cifar10") {
        requests.push(Asked::picture("cifar10", &picture));
    }
    let index = service.post("/v2/repository/index", "application/json", "{}").await.json();
    let refused = |model: &str| {
        let entry = index.as_array().unwrap().iter().find(|entry| entry["name"] == model).unwrap();
        (entry["state"] != "READY").then(|| entry["reason"].to_string())
    };
    let names: BTreeSet<String> = requests.iter().map(|asked| asked.model.clone()).collect();
    for (model, reason) in names.iter().filter_map(|model| Some((model, refused(model)?))) {
        eprintln!("{engine} refuses {model}: {reason}");
        requests.retain(|asked| asked.model != *model);
    }
    let mut client = Client::of(service);
    let mut answers = Vec::new();
    for asked in &requests {
        let answer = client.ask(asked).await.unwrap();
        assert!(answer.is_ok(), "{engine}: {asked:?}: {answer:?}");
        answers.push(answer);
    }
    for (asked, first) in requests.iter().zip(&answers).rev() {
        let again = client.ask(asked).await.unwrap();
        assert!(first.is(&again), "{engine}: {asked:?}\nat first: {first:?}\nagain: {again:?}");
    }
    requests.into_iter().zip(answers).collect()
}

fn make(python: &Path, folder: &Path, engine: &str) {
    let script = root().join("crates/system-tests/tests/soak/make.py");
    let output = Command::new(python).args(["-W", "ignore"]).arg(script).arg(folder).arg(engine).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    copy_model("cifar10", &folder.join("models"), "cifar10");
}

fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{process}/status"))).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
