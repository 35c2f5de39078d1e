//! Other people's programs read both descriptions: validators find no error, and the clients that are made from them
//! predict and ask.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Pair, alone, pypi, root};

const VALIDATOR: &[pypi::Package] = &[("openapi-spec-validator", "0.9.0")];
const GENERATOR: &[pypi::Package] =
    &[("openapi-python-client", "0.29.1"), ("httpx", "0.28.1"), ("attrs", "26.1.0"), ("setuptools", "84.2.1")];
const FOLDER: &str = "crates/system-tests/tests/openapi/clients";
const PICTURE: &str = "deploy/models/cifar10/examples/cat.jpg";

/// Both services, and what they say of themselves as files.
struct DescribedPair {
    pair: Pair,
    scratch: tempfile::TempDir,
}

impl DescribedPair {
    async fn start() -> Self {
        let described = Self { pair: Pair::start().await, scratch: tempfile::tempdir().unwrap() };
        for (name, service) in [("inference", &described.pair.inference), ("logging", &described.pair.logging)] {
            fs::write(described.description(name), service.get("/openapi.json").await.text()).unwrap();
        }
        described
    }

    fn folder(&self) -> &Path {
        self.scratch.path()
    }

    fn description(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.json"))
    }

    /// Runs a program that predicts a picture of a cat and asks for what was logged of it.
    fn is_predicted_and_logged_by(&self, program: &mut Command) {
        let urls = [&self.pair.inference, &self.pair.logging].map(|service| service.url(""));
        let printed = succeed(program.args(urls).arg(root().join(PICTURE)));
        let result: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(result, json!({ "predicted": "cat", "logged": ["cat"] }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_find_no_error() {
    let _alone = alone().await;
    let services = DescribedPair::start().await;
    let descriptions = ["inference", "logging"].map(|name| services.description(name));
    if let Some(python) = pypi::python(VALIDATOR, "whether the descriptions are valid") {
        succeed(Command::new(python.with_file_name("openapi-spec-validator")).args(&descriptions));
    }
    if let Some(packages) = npm_packages("whether redocly finds errors in the descriptions") {
        let redocly = packages.join("node_modules/.bin/redocly");
        succeed(Command::new(redocly).arg("lint").args(&descriptions).env("REDOCLY_TELEMETRY", "off"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_openapi_python_client_makes_predicts_and_asks() {
    let _alone = alone().await;
    let Some(python) = pypi::python(GENERATOR, "a client in Python that is made from the descriptions") else { return };
    let services = DescribedPair::start().await;
    let library = services.folder().join("library");
    for name in ["inference", "logging"] {
        let client = services.folder().join(format!("{name}-client"));
        let generator = python.with_file_name("openapi-python-client");
        let path = std::env::join_paths([python.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
        succeed(
            Command::new(generator)
                .args(["generate", "--meta", "setup", "--path"])
                .arg(services.description(name))
                .arg("--output-path")
                .arg(&client)
                .env("PATH", path),
        );
        let install =
            ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target"];
        succeed(Command::new(&python).args(install).arg(&library).arg(&client));
    }
    let mut program = Command::new(&python);
    services.is_predicted_and_logged_by(program.arg(root().join(FOLDER).join("predict.py")).env("PYTHONPATH", library));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_types_that_openapi_typescript_makes_compiles_predicts_and_asks() {
    let _alone = alone().await;
    let Some(packages) = npm_packages("a client in TypeScript that is made from the descriptions") else { return };
    let services = DescribedPair::start().await;
    let programs = packages.join("node_modules/.bin");
    for file in ["predict.ts", "tsconfig.json", "package.json"] {
        fs::copy(root().join(FOLDER).join(file), services.folder().join(file)).unwrap();
    }
    std::os::unix::fs::symlink(packages.join("node_modules"), services.folder().join("node_modules")).unwrap();
    for name in ["inference", "logging"] {
        let types = services.folder().join(format!("{name}.d.ts"));
        succeed(Command::new(programs.join("openapi-typescript")).arg(services.description(name)).arg("-o").arg(types));
    }
    succeed(Command::new(programs.join("tsc")).arg("--project").arg(services.folder()));
    let program = services.folder().join("built/predict.js");
    services.is_predicted_and_logged_by(Command::new("node").arg(program));
}

fn npm_packages(what: &str) -> Option<PathBuf> {
    testkit::npm_packages(&root().join(FOLDER).join("package-lock.json"), what)
}

/// What the program printed.
fn succeed(program: &mut Command) -> String {
    let output = program.output().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program:?}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}
