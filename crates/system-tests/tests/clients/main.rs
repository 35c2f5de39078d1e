//! Clients that were written for other servers, unchanged.
//!
//! Rule of thumb: a client's own library asks; what it got is compared with the golden answers, and what the service
//! counted with what the client got.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod dialects;
mod others;
mod pictures;
mod secured;

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{Launch, Signal, alone, pypi, root};

/// The client of Triton and what it stands on.
const TRITON: &[pypi::Package] = &[
    ("tritonclient", "2.73.0"),
    ("numpy", "2.4.6"),
    ("python-rapidjson", "1.25"),
    ("geventhttpclient", "2.6.1"),
    ("aiohttp", "3.14.5"),
    ("grpcio", "1.85.3"),
    ("packaging", "26.4"),
    ("protobuf", "6.33.6"),
    ("grpcio-health-checking", "1.81.1"),
];

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_triton_over_http() {
    let _alone = alone().await;
    let Some(python) = pypi::python(TRITON, "the client of Triton") else { return };
    for launch in with_every_engine().into_iter().map(|launch| launch.flag("--admin-listen=", "127.0.0.1:0")) {
        let service = launch.start().await;
        let mut script = command(&python, "triton_http.py", service.address);
        let answered = run(script.arg(service.admin_address().to_string()));
        let counted = service.metrics().await.count("predictions_total", &[("status", "success")]);
        assert_eq!(counted, answered, "{launch:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_triton_over_grpc() {
    let _alone = alone().await;
    let Some(python) = pypi::python(TRITON, "the client of Triton") else { return };
    // With one thread, a batch takes longer than the deadlines that the script gives it.
    for launch in with_every_engine().into_iter().map(|launch| launch.flag("--threads=", "1")) {
        let service = launch.start().await;
        let answered = run(&mut command(&python, "triton_grpc.py", service.grpc_address()));
        let metrics = service.metrics().await;
        let errors = |code: &str| metrics.count("prediction_errors_total", &[("error_type", code)]);
        assert_eq!(metrics.count("predictions_total", &[("status", "success")]), answered, "{launch:?}");
        // No client left before its deadline, and what was too large was refused by the service itself.
        assert_eq!((errors("cancelled"), errors("internal")), (0, 0), "{launch:?}");
        assert!(errors("too_large") >= 4 && errors("deadline_exceeded") >= 1, "{launch:?}");
        let lines = service.log_lines().await;
        let traced = lines.iter().find(|line| line["request_id"] == "traced").unwrap();
        assert_eq!(traced["message"], "prediction_completed");
        assert_eq!(traced["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}

/// Whoever watches is told before the port closes, and does not keep the service from stopping. What was asked before
/// it closes is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_watching_client_is_told_of_the_end_and_let_go() {
    let _alone = alone().await;
    let Some(python) = pypi::python(TRITON, "gRPC's health checking") else { return };
    // In a queue of the usual length, one model may not hold all places while there is another.
    let launch = Launch::inference().flag("--drain-seconds=", "0.5").flag("--threads=", "1");
    let launch = launch.flag("--queue-limit=", "400");
    let mut service = launch.start().await;
    let address = service.grpc_address();
    let mut watching = command(&python, "grpc_watch.py", address).stdout(Stdio::piped()).spawn().unwrap();
    let mut states = BufReader::new(watching.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(states.next().unwrap(), "SERVING");
    service.signal(Signal::TERM);
    assert_eq!(states.collect::<Vec<_>>(), ["NOT_SERVING", "128 answered"]);
    assert!(watching.wait().unwrap().success());
    assert!(service.ends_within(PATIENCE).await.success(), "{}", service.output());
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_there_is_no_grpc() {
    let _alone = alone().await;
    let service = Launch::inference().flag("--grpc-listen=", "").start().await;
    assert!(!service.log().contains("listening_grpc"), "{}", service.log());
}

fn with_every_engine() -> Vec<Launch> {
    let library = pypi::onnxruntime("the client of Triton with ONNX Runtime");
    let onnxruntime = library
        .map(|library| Launch::inference().flag("--engine=", "onnxruntime").flag("--onnxruntime-library=", library));
    [Launch::inference()].into_iter().chain(onnxruntime).collect()
}

/// Runs a script against a service; gives the number that it prints.
fn run(script: &mut Command) -> u64 {
    let output = script.output().unwrap();
    let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problem}");
    printed.trim().parse().unwrap_or_else(|_| panic!("{printed}{problem}"))
}

/// A script is told whom to ask, and where the golden tensors are.
fn command(python: &Path, script: &str, address: SocketAddr) -> Command {
    let script = root().join("crates/system-tests/tests/clients").join(script);
    let golden = root().join("crates/inference-service/tests/data");
    let mut command = Command::new(python);
    command.arg(script).arg(address.to_string()).arg(golden);
    command
}
