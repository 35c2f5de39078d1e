//! Clients that bring much along, each in an environment of its own: KServe's, and Triton's perf_analyzer.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use testkit::{Launch, Metrics, alone, pypi, root};

/// KServe's clients, and what of their surroundings they were tried with.
pub(crate) const KSERVE: &[pypi::Package] =
    &[("kserve", "0.21.0"), ("numpy", "2.4.6"), ("grpcio", "1.85.3"), ("protobuf", "6.33.6"), ("httpx", "0.28.1")];

/// perf_analyzer is in the wheels of Triton's client; this is the newest that needs no younger C library than that of
/// Debian 12, with the library that it was linked with.
const PERF_ANALYZER: &[pypi::Package] = &[
    ("tritonclient", "2.51.0"),
    ("nvidia-cuda-runtime-cu12", "12.9.79"),
    ("numpy", "1.26.4"),
    ("python-rapidjson", "1.25"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_of_kserve() {
    let _alone = alone().await;
    let Some(python) = pypi::python(KSERVE, "the clients of KServe") else { return };
    for protocol in ["rest", "grpc"] {
        let service = Launch::inference().start().await;
        let address = if protocol == "rest" { service.address } else { service.grpc_address() };
        let script = root().join("crates/system-tests/tests/clients/kserve_client.py");
        let golden = root().join("crates/inference-service/tests/data");
        let output = Command::new(&python).arg(script).args([protocol, &address.to_string()]).arg(golden).output();
        let output = output.unwrap();
        let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{protocol}: {printed}{problem}");
        let answered: u64 = printed.trim().parse().unwrap();
        assert_eq!(succeeded(&service.metrics().await), answered, "{protocol}");
    }
}

/// Its load is answered, all of it, and counted.
#[tokio::test(flavor = "multi_thread")]
async fn perf_analyzer_over_both_protocols() {
    let _alone = alone().await;
    let Some(python) = pypi::python(PERF_ANALYZER, "perf_analyzer") else { return };
    let environment = python.ancestors().nth(2).unwrap();
    if let Some(problem) = does_not_start(environment) {
        let _ = std::io::stderr().write_all(format!("SKIPPED: {problem}, so perf_analyzer is not tested\n").as_bytes());
        return;
    }
    for protocol in ["http", "grpc"] {
        let service = Launch::inference().start().await;
        let address = if protocol == "http" { service.address } else { service.grpc_address() };
        let output = perf_analyzer(environment)
            .args(["-m", "cifar10", "-i", protocol, "-u", &address.to_string(), "-b", "2"])
            // What it makes up by itself are random bits, and some of them are no numbers.
            .args(["--input-data", "zero"])
            .args(["--measurement-mode", "count_windows", "--measurement-request-count", "50"])
            .args(["--concurrency-range", "2", "--max-trials", "5", "-s", "999"])
            .output()
            .unwrap();
        let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{protocol}: {printed}{problem}");
        assert!(printed.contains("Throughput:"), "{protocol}: {printed}{problem}");
        let metrics = service.metrics().await;
        assert!(succeeded(&metrics) >= 50, "{protocol}: {printed}");
        let errors = ["invalid_request", "invalid_input", "internal", "overloaded"];
        let errors = errors.map(|code| metrics.count("prediction_errors_total", &[("error_type", code)]));
        assert_eq!(errors, [0; 4], "{protocol}: {printed}");
    }
}

fn succeeded(metrics: &Metrics) -> u64 {
    metrics.count("predictions_total", &[("status", "success")])
}

/// It was linked with CUDA, which it loads though it does not use it.
fn perf_analyzer(environment: &Path) -> Command {
    let mut command = Command::new(environment.join("bin/perf_analyzer"));
    let libraries = std::fs::read_dir(environment.join("lib")).unwrap().map(|folder| {
        let folder = folder.unwrap().path().join("site-packages/nvidia/cuda_runtime/lib");
        folder.into_os_string()
    });
    command.env("LD_LIBRARY_PATH", libraries.collect::<Vec<OsString>>().join(":".as_ref()));
    command
}

/// What this machine lacks for it.
///
/// # Panics
/// On a build server, where nothing is skipped.
fn does_not_start(environment: &Path) -> Option<String> {
    let problem = match perf_analyzer(environment).arg("--version").output() {
        Ok(output) if output.status.success() => return None,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(problem) => problem.to_string(),
    };
    let sentence = format!("perf_analyzer does not start ({problem}; Debian package libb64-0d)");
    assert!(std::env::var_os("CI").is_none(), "{sentence}");
    Some(sentence)
}
