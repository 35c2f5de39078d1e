//! Proves that both services start fast and small, that what makes a start impossible is told in one clear line, and
//! that what is wrong with one model or with the database does not keep a service from starting.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    Launch, Load, Pair, Service, Shot, Signal, alone, assert_is_refusal, copy_model, free_address, pictures,
    read_log_lines,
};

const STARTS: usize = 5;
const MEGABYTE: u64 = 1_000_000;
const END_PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn both_models_are_ready_within_a_second() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    let logging = Launch::logging(&folder.path().join("predictions.db"));
    for (name, launch) in [("inference-service", Launch::inference()), ("logging-service", logging)] {
        // The first start may build the programs and read them from the disk.
        launch.start().await;
        let mut seconds = Vec::new();
        for _ in 0..STARTS {
            let started = Instant::now();
            let _service = launch.start().await;
            seconds.push(started.elapsed().as_secs_f64());
        }
        let best = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        eprintln!("{name} is ready after {best:.3} s at best, of {seconds:.3?}");
        assert!(best < 1.0, "{name}: {seconds:?}");
    }
}

/// Built elsewhere, they would have the settings with which they do not fit their containers under attack.
#[tokio::test(flavor = "multi_thread")]
async fn the_services_are_built_with_settings_for_their_memory() {
    let folder = TempDir::new().unwrap();
    for launch in [Launch::inference(), Launch::logging(&folder.path().join("predictions.db"))] {
        let mut service = launch.environment("MALLOC_CONF", "stats_print:true").start().await;
        service.signal(Signal::TERM);
        service.ends_within(END_PATIENCE).await;
        for setting in ["opt.background_thread: true", "opt.dirty_decay_ms: 50 ", "opt.narenas: 4"] {
            assert!(service.stderr().contains(setting), "{setting}: {}", service.stderr());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_service_takes_little_memory() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    let examples = ["cifar10", "surface"].map(|model| (model, pictures(model)));
    let load = Load::closed(1).requests(50);
    let outcomes = load
        .run(&pair.inference, move |number| {
            let (model, examples) = &examples[number % 2];
            Shot::picture(model, &examples[number / 2 % examples.len()])
        })
        .await;
    assert!(outcomes.iter().all(|outcome| outcome.status() == Some(200)));
    pair.all_delivered().await;
    for (name, service) in [("inference-service", &pair.inference), ("logging-service", &pair.logging)] {
        let bytes = service.resident_bytes();
        eprintln!("{name} has {:.1} MB when idle", bytes as f64 / MEGABYTE as f64);
        assert!(bytes < 60 * MEGABYTE, "{name}: {bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_impossible_ends_with_one_clear_line() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind(free_address()).unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.to_string();
    for launch in [Launch::inference(), Launch::logging(&folder.path().join("predictions.db"))] {
        refuses_to_start(&launch.listen(address), &[&port, "--listen"]).await;
    }
    refuses_to_start(&Launch::inference().flag("--grpc-listen=", &port), &[&port, "--grpc-listen"]).await;
    let missing = folder.path().join("missing");
    refuses_to_start(&Launch::inference().models(&missing), &[missing.to_str().unwrap(), "--models"]).await;
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    refuses_to_start(&Launch::inference().models(&empty), &[empty.to_str().unwrap(), "--models"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_option_is_named_with_what_is_possible() {
    let _alone = alone().await;
    for (flag, value, remedy) in [
        ("--queue-limit=", "0", "1..=100000"),
        ("--threads=", "none", "invalid digit"),
        ("--drain-seconds=", "-1", "0 to 600"),
        ("--grpc-listen=", "8002", "127.0.0.1:8002, or nothing"),
        ("--models-folder=", "x", "--models"),
    ] {
        let mut service = Launch::inference().flag(flag, value).spawn();
        let exit = service.ends_within(END_PATIENCE).await;
        let said = service.stderr();
        assert_eq!(exit.code(), Some(2), "{said}");
        assert!(said.contains(flag.trim_end_matches('=')) && said.contains(remedy), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_written_is_refused_clearly_until_it_can() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    let in_the_way = folder.path().join("data");
    fs::write(&in_the_way, "a file where a folder should be").unwrap();
    let mut service = Launch::logging(&in_the_way.join("predictions.db")).spawn();
    let listening = async || service.ask("/health/live").await.is_ok();
    testkit::wait_until("the port answers", END_PATIENCE, listening).await;
    let record = json!({ "model": "m", "label": "cat", "confidence": 0.5 }).to_string();
    for answer in [service.get("/health").await, service.post("/log", "application/json", record.clone()).await] {
        assert_is_refusal(&answer);
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_ready")), "{}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{}", answer.text());
    }
    assert_eq!(service.metrics().await.count("logging_db_initialized", &[]), 0);
    error_line(&service, &["database_unavailable", in_the_way.to_str().unwrap()]);

    fs::remove_file(&in_the_way).unwrap();
    assert!(service.becomes_ready().await);
    assert_eq!(service.post("/log", "application/json", record).await.status, 200);
    assert_eq!(service.metrics().await.count("logging_db_initialized", &[]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_models_are_told_of_and_the_others_serve() {
    let _alone = alone().await;
    let repository = TempDir::new().unwrap();
    for copy in ["good", "truncated", "illegible"] {
        copy_model("surface", repository.path(), copy);
    }
    let onnx = repository.path().join("truncated/1/model.onnx");
    let bytes = fs::read(&onnx).unwrap();
    fs::write(&onnx, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(repository.path().join("illegible/model.toml"), "task = = 1").unwrap();

    let service = Launch::inference().models(repository.path()).start().await;
    assert_eq!(service.get("/health").await.status, 200);
    let metrics = service.metrics().await;
    let picture = &pictures("surface")[0];
    let asked = async |model: &str| {
        service.post(&format!("/predict?model={model}"), picture.content_type, picture.bytes.clone()).await
    };
    assert_eq!(asked("good").await.status, 200);
    assert_eq!(metrics.count("model_loaded", &[("model", "good")]), 1);
    for (model, file) in [("truncated", &onnx), ("illegible", &repository.path().join("illegible/model.toml"))] {
        assert_eq!(metrics.count("model_loaded", &[("model", model)]), 0);
        error_line(&service, &[file.to_str().unwrap(), model]);
        let answer = asked(model).await;
        assert_is_refusal(&answer);
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_ready")), "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
    }
    let models = service.get("/models").await.json();
    let states: Vec<_> = models["models"].as_array().unwrap().iter().map(|model| &model["state"]).collect();
    assert_eq!(states, [&json!("ready"), &json!("failed"), &json!("failed")], "{models}");
}

/// The process ends with 1 and says so in a line that has all these words.
async fn refuses_to_start(launch: &Launch, words: &[&str]) {
    let mut service = launch.spawn();
    let exit = service.ends_within(END_PATIENCE).await;
    assert_eq!(exit.code(), Some(1), "{}", service.output());
    assert_eq!(service.stderr(), "");
    let line = error_line(&service, words);
    assert_eq!(line["error"].as_str().unwrap().matches(words[0]).count(), 1, "said twice: {line}");
}

/// The line of level ERROR that has all these words; there is only one.
fn error_line(service: &Service, words: &[&str]) -> Value {
    let lines = read_log_lines(&service.log());
    let has_all = |line: &&Value| line["level"] == "ERROR" && words.iter().all(|word| line.to_string().contains(word));
    let found: Vec<_> = lines.iter().filter(has_all).collect();
    assert_eq!(found.len(), 1, "lines with {words:?} in {}", service.log());
    found[0].clone()
}
