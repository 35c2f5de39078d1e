//! What the services say of themselves in OpenAPI, held against what they do, by requests that nobody has thought of.
//!
//! Rule of thumb: whatever the description allows is answered as it says, and whatever it forbids is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clients;

use std::process::Command;

use testkit::{Launch, Pair, Service, alone, pypi, root};

const SCHEMATHESIS: &[pypi::Package] =
    &[("schemathesis", "4.32.5"), ("hypothesis", "6.170.17"), ("jsonschema_rs", "0.60.3"), ("requests", "2.34.2")];

/// Requests of each operation and phase.
const EXAMPLES: &str = "40";
/// Fewer of all operations together would mean that most were not asked for.
const FEWEST: u64 = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_at_the_inference_service() {
    let _alone = alone().await;
    let service = Launch::inference().start().await;
    finds_nothing(&service);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_at_the_logging_service() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    finds_nothing(&pair.logging);
}

fn finds_nothing(service: &Service) {
    let Some(python) = pypi::python(SCHEMATHESIS, "the description of the services") else { return };
    let folder = root().join("crates/system-tests/tests/openapi");
    // It leaves what it has learned where it runs.
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(python.with_file_name("schemathesis"))
        .current_dir(scratch.path())
        .env("SCHEMATHESIS_HOOKS", folder.join("media_types.py"))
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .args(["run", &service.url("/openapi.json"), "--max-examples", EXAMPLES])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--workers", "1", "--request-timeout", "30"])
        .output()
        .unwrap();
    let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problem}");
    // A run that asks for nothing finds nothing, too.
    let generated = printed.lines().find_map(|line| line.trim().strip_suffix(" passed")?.split_once(" generated, "));
    let (generated, passed) = generated.unwrap_or_else(|| panic!("{printed}{problem}"));
    assert!(generated == passed && passed.parse::<u64>().unwrap() >= FEWEST, "{printed}{problem}");
}
