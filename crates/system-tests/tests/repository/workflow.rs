//! The workflow of the build server, which cannot run here.

use std::process::Command;

use testkit::{root, skip_without};

const ACTIONLINT: &str = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

/// Not among the tools of `crates/system-tests/tools`: it needs an older YAML parser than Prometheus does.
#[test]
fn actionlint_finds_nothing_in_the_workflow() {
    let Some(go) = skip_without("go", "the workflow of the build server") else { return };
    let output = Command::new(go).args(["run", ACTIONLINT, "-no-color"]).current_dir(root()).output().unwrap();
    let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problem}");
}
