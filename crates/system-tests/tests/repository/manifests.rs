//! What the manifests say of the crates and of their version.

use std::fs;
use std::path::PathBuf;

use testkit::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn crates() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|folder| folder.join("Cargo.toml").is_file()).collect()
}

/// The version that all crates share.
fn version() -> String {
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \"")).expect("a version");
    line.trim_end_matches('"').to_owned()
}

#[test]
fn every_crate_says_what_it_is() {
    let crates = crates();
    assert!(crates.len() >= 6, "{crates:?}");
    for folder in crates {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for field in ["description", "keywords", "categories", "readme"] {
            let is_there = |line: &str| line.starts_with(field) && line.contains('=');
            assert!(manifest.lines().any(is_there), "{} has no {field}", folder.display());
        }
        assert!(folder.join("README.md").is_file(), "{} has no README.md", folder.display());
    }
}

#[test]
fn images_and_the_changelog_have_the_version_of_the_crates() {
    let version = version();
    for (path, expected) in [
        ("docker-compose.monitoring.yml", format!("glasshouse/inference-service:${{GLASSHOUSE_TAG:-{version}}}")),
        ("docker-compose.monitoring.yml", format!("glasshouse/logging-service:${{GLASSHOUSE_TAG:-{version}}}")),
        ("deploy/kubernetes/base/inference-service/deployment.yaml", format!("glasshouse/inference-service:{version}")),
        ("deploy/kubernetes/base/logging-service/deployment.yaml", format!("glasshouse/logging-service:{version}")),
        ("deploy/kubernetes/overlays/production/kustomization.yaml", format!("newTag: {version}")),
        ("deploy/docker/Dockerfile", format!("ARG VERSION={version}")),
        ("docs/deployment.md", format!("| `GLASSHOUSE_TAG` | `{version}` |")),
        ("CHANGELOG.md", format!("## {version} - ")),
    ] {
        assert!(read(path).contains(&expected), "{path} lacks {expected}");
    }
}

/// What tests and measurements run is what is shipped.
#[test]
fn onnx_runtime_has_one_version() {
    let pinned = format!("\nonnxruntime=={} ", testkit::pypi::ONNX_RUNTIME.1);
    assert!(read("deploy/onnxruntime/requirements.txt").contains(&pinned), "requirements.txt lacks {pinned:?}");
    let peers = read("crates/bench/src/peers.rs");
    let compared: Vec<&str> =
        peers.split("(\"onnxruntime\", \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!compared.is_empty());
    assert!(compared.iter().all(|version| *version == testkit::pypi::ONNX_RUNTIME.1), "{compared:?}");
}

#[test]
fn images_have_every_label_that_says_what_they_are() {
    let file = read("deploy/docker/Dockerfile");
    for label in ["title", "description", "licenses", "version", "revision", "source"] {
        let count = file.matches(&format!("org.opencontainers.image.{label}=")).count();
        assert_eq!(count, 2, "{label}");
    }
}
