//! The folder of cases, and services that serve some of it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Launch, Service, pypi, root};

/// The folder of cases; or a line that says that `what` is skipped.
pub(crate) fn cases(what: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("GLASSHOUSE_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let folder = shared.join("cases");
    if folder.is_dir() {
        return Some(folder);
    }
    let sentence = format!("SKIPPED: {} is not there, so {what} is not tested\n", folder.display());
    let _ = std::io::stderr().write_all(sentence.as_bytes());
    None
}

/// An engine, with the flags that name it.
#[derive(Clone, Debug)]
pub(crate) struct NamedEngine {
    pub(crate) name: &'static str,
    library: Option<PathBuf>,
}

impl NamedEngine {
    /// tract, and ONNX Runtime where its library can be had.
    pub(crate) fn all(what: &str) -> Vec<Self> {
        let library = pypi::onnxruntime(what);
        let onnxruntime = library.map(|library| Self { name: "onnxruntime", library: Some(library) });
        [Self { name: "tract", library: None }].into_iter().chain(onnxruntime).collect()
    }

    pub(crate) fn is_tract(&self) -> bool {
        self.name == "tract"
    }

    /// The service with this engine.
    pub(crate) fn launch(&self) -> Launch {
        let launch = Launch::inference().flag("--engine=", self.name);
        match &self.library {
            Some(library) => launch.flag("--onnxruntime-library=", library),
            None => launch,
        }
    }
}

/// A repository of its own, which is gone with it.
pub(crate) struct ScratchRepository(TempDir);

impl ScratchRepository {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts a case into it: the files of its version folder, or of the case itself, with this model.toml.
    pub(crate) fn add(&self, name: &str, case: &Path, model_toml: &str) {
        let version = self.path().join(name).join("1");
        fs::create_dir_all(&version).unwrap();
        let files = if case.join("1").is_dir() { case.join("1") } else { case.to_owned() };
        for file in fs::read_dir(files).unwrap().map(|file| file.unwrap().path()) {
            if file.file_name().is_some_and(|name| name != "model.toml") {
                fs::copy(&file, version.join(file.file_name().unwrap())).unwrap();
            }
        }
        fs::write(self.path().join(name).join("model.toml"), model_toml).unwrap();
    }
}

/// A tensor of a request.
pub(crate) fn tensor(name: &str, datatype: &str, shape: &[usize], data: &Value) -> Value {
    json!({"name": name, "datatype": datatype, "shape": shape, "data": data})
}

/// Asks a model for its tensors.
///
/// # Errors
/// The status and the refusal.
pub(crate) async fn infer(service: &Service, model: &str, inputs: &[Value]) -> Result<Value, String> {
    let body = json!({"inputs": inputs}).to_string();
    let answer = service.post(&format!("/v2/models/{model}/infer"), "application/json", body).await;
    if answer.status == 200 { Ok(answer.json()) } else { Err(format!("{}: {}", answer.status, answer.text())) }
}

/// The numbers of an output.
pub(crate) fn numbers(answer: &Value, output: &str) -> Vec<f64> {
    let outputs = answer["outputs"].as_array().unwrap().iter();
    let found = outputs.clone().find(|found| found["name"] == output).unwrap_or_else(|| panic!("{output}: {answer}"));
    found["data"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Holds numbers against the right ones, to a thousandth of the largest.
pub(crate) fn assert_near(found: &[f64], right: &[f64], what: &str) {
    let largest = right.iter().fold(1e-6_f64, |largest, number| largest.max(number.abs()));
    let near = found.len() == right.len() && found.iter().zip(right).all(|(a, b)| (a - b).abs() <= 1e-3 * largest);
    assert!(near, "{what}: {found:?} instead of {right:?}");
}

/// The state and the problem of a model, from `GET /models`.
pub(crate) async fn listed(service: &Service, model: &str) -> Value {
    let models = service.get("/models").await.json();
    models["models"].as_array().unwrap().iter().find(|listed| listed["name"] == model).unwrap().clone()
}
