//! Clients that were written for other servers, unchanged.
//!
//! Rule of thumb: a client's own library asks; what it got is compared with the golden answers, and what the service
//! counted with what the client got.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use system_tests::{Launch, Service, alone, root};

/// The client of Triton and what it stands on.
const TRITON: &[pypi::Package] = &[
    ("tritonclient", "2.73.0"),
    ("numpy", "2.4.6"),
    ("python-rapidjson", "1.25"),
    ("geventhttpclient", "2.6.1"),
    ("aiohttp", "3.14.5"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_triton_over_http() {
    let _alone = alone().await;
    let Some(python) = pypi::python(TRITON, "the client of Triton") else { return };
    let library = pypi::onnxruntime("the client of Triton with ONNX Runtime");
    let onnxruntime = library
        .map(|library| Launch::inference().flag("--engine=", "onnxruntime").flag("--onnxruntime-library=", library));
    for launch in [Launch::inference()].into_iter().chain(onnxruntime) {
        let service = launch.start().await;
        let answered = run(&python, "triton_http.py", &service);
        assert_eq!(
            service.metrics().await.count("predictions_total", &[("status", "success")]),
            answered,
            "{launch:?}"
        );
    }
}

/// Runs a script against a service; gives the number that it prints.
fn run(python: &Path, script: &str, service: &Service) -> u64 {
    let script = root().join("crates/system-tests/tests/clients").join(script);
    let golden = root().join("crates/inference-service/tests/data");
    let output = Command::new(python).arg(script).arg(service.address.to_string()).arg(golden).output().unwrap();
    let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problem}");
    printed.trim().parse().unwrap_or_else(|_| panic!("{printed}{problem}"))
}
