//! The schemas of Kubernetes itself, by kubernetes-validate from PyPI.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use testkit::pypi;

use crate::objects::{BASE, PRODUCTION, build};

const VALIDATOR: pypi::Package = ("kubernetes-validate", "1.37.0");
/// The oldest that docs/kubernetes.md promises, and the newest that the package knows.
const KUBERNETES: [&str; 2] = ["1.31.0", "1.37.0"];

#[test]
fn kubernetes_takes_every_object() {
    let Some(python) = pypi::python(&[VALIDATOR], "whether Kubernetes takes the objects") else { return };
    for folder in [BASE, PRODUCTION] {
        let Some(built) = build(folder) else { return };
        for version in KUBERNETES {
            let Verdict { valid, said } = judge(&python, &built, version);
            assert!(valid, "{folder}, Kubernetes {version}: {said}");
            let passed = said.matches(" passed for resource ").count();
            let unknown: Vec<&str> = said.lines().filter(|line| line.contains("find schema")).collect();
            let of_the_operator = ["ServiceMonitor", "PrometheusRule"];
            let known = |line: &&str| of_the_operator.iter().any(|kind| line.contains(kind));
            assert!(passed >= 12 && unknown.iter().all(known), "{folder}, Kubernetes {version}: {said}");
        }
        for (from, to) in
            [("containerPort: 8000", "containerPort: eight"), ("readOnlyRootFilesystem", "readonlyRootFilesystem")]
        {
            assert!(built.contains(from), "{from}");
            let Verdict { valid, said } = judge(&python, &built.replace(from, to), KUBERNETES[1]);
            assert!(!valid, "{to} is taken: {said}");
        }
    }
}

/// What the validator says of objects.
struct Verdict {
    /// Whether they pass.
    valid: bool,
    /// All that it wrote.
    said: String,
}

/// What Kubernetes of this version says of objects, through the Python that has the package.
fn judge(python: &Path, objects: &str, version: &str) -> Verdict {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("objects.yaml");
    fs::write(&file, objects).unwrap();
    let mut command = Command::new(python);
    let output = command.args(["-m", "kubernetes_validate", "--strict", "-k", version]).arg(&file).output().unwrap();
    Verdict { valid: output.status.success(), said: text(&output.stdout) + &text(&output.stderr) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
