//! The cases that ONNX itself has for those who run its models, through the service on both engines.
//!
//! Rule of thumb: right is what ONNX Runtime answers in Python. What an engine does not do is refused, and the reason is
//! told; there is no wrong answer, and none that is the service's fault.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{Launch, alone, pypi, root};

/// What the scripts need, beside what these bring.
const PACKAGES: &[pypi::Package] = &[("onnx", "1.23.2"), pypi::ONNX_RUNTIME];
/// Models that no engine can run, so that each request is answered with the service's 500, as it is with an error in Python.
const FAIL_EVERYWHERE: [&str; 1] = ["test_attention_4d_diff_heads_mask4d_padded_kv"];
const PAGE: &str = "docs/serving.md";

/// How many cases ended how.
#[derive(Debug, Default, PartialEq, Eq)]
struct ConformanceFigures {
    passed: usize,
    refused_at_load: usize,
    refused_at_request: usize,
    failed_as_in_python: usize,
}

/// As a row of the page.
impl fmt::Display for ConformanceFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, refused_at_load, refused_at_request, failed_as_in_python } = self;
        write!(f, "| {passed} | {refused_at_load} | {refused_at_request} | {failed_as_in_python} |")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_answered_right_or_refused() {
    let _alone = alone().await;
    let what = "whether models of every operator are answered right";
    let (Some(python), Some(library)) = (pypi::python(PACKAGES, what), pypi::onnxruntime(what)) else { return };
    let cases = LaidOutCases::of(&python);
    let onnxruntime = Launch::inference().flag("--engine=", "onnxruntime").flag("--onnxruntime-library=", library);
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    for (engine, launch) in [("tract", Launch::inference().flag("--engine=", "tract")), ("ONNX Runtime", onnxruntime)] {
        let figures = cases.ask(&launch).await;
        let row = format!("| {engine} {figures}");
        assert!(page.contains(&row), "{PAGE} says something else than was measured: {row}");
    }
}

/// Each case that ONNX Runtime answers and tract would get wrong is refused by tract; the harmless ones beside them are
/// answered right.
#[tokio::test(flavor = "multi_thread")]
async fn what_tract_gets_wrong_is_refused_and_no_more() {
    let _alone = alone().await;
    let what = "whether tract refuses what it gets wrong";
    let (Some(python), Some(library)) = (pypi::python(PACKAGES, what), pypi::onnxruntime(what)) else { return };
    let cases = LaidOutCases { python, folder: tempfile::tempdir().unwrap() };
    let printed = cases.run("beyond.py", &[cases.folder.path().as_os_str()]);
    let expected: BTreeMap<String, String> = serde_json::from_str(&printed).unwrap();
    let all_pass = expected.keys().map(|case| (case.clone(), "passed".to_owned())).collect();
    let onnxruntime = Launch::inference().flag("--engine=", "onnxruntime").flag("--onnxruntime-library=", library);
    for (launch, expected) in [(onnxruntime, all_pass), (Launch::inference().flag("--engine=", "tract"), expected)] {
        let outcomes = cases.outcomes(&launch).await;
        let text = |outcome: &Value, member: &str| outcome[member].as_str().unwrap().to_owned();
        let wrong = outcomes.iter().filter(|outcome| text(outcome, "came") != expected[&text(outcome, "case")]);
        let wrong: Vec<_> = wrong.map(ToString::to_string).collect();
        assert!(wrong.is_empty(), "{launch:?}\n{}", wrong.join("\n"));
        assert_eq!(outcomes.len(), expected.len());
    }
}

/// The cases as repositories of models, with requests and right answers.
struct LaidOutCases {
    python: PathBuf,
    folder: TempDir,
}

impl LaidOutCases {
    fn of(python: &Path) -> Self {
        let cases = Self { python: python.to_owned(), folder: tempfile::tempdir().unwrap() };
        cases.run("lay_out.py", &[cases.folder.path().as_os_str()]);
        cases
    }

    /// Asks all of them, and counts what comes of them.
    async fn ask(&self, launch: &Launch) -> ConformanceFigures {
        let mut figures = ConformanceFigures::default();
        self.outcomes(launch).await.iter().for_each(|outcome| figures.count(outcome));
        figures
    }

    /// Asks all of them, a repository after the other: the lines that `ask.py` prints.
    async fn outcomes(&self, launch: &Launch) -> Vec<Value> {
        let mut outcomes = Vec::new();
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut repositories: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
        repositories.sort();
        for repository in repositories {
            let service = launch.clone().models(&repository).flag("--threads=", "1").spawn();
            let asked = repository.with_extension("pickle");
            let printed = self.run("ask.py", &[service.address.to_string().as_ref(), asked.as_os_str()]);
            outcomes.extend(printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        outcomes
    }

    /// What a script prints.
    fn run(&self, script: &str, arguments: &[&std::ffi::OsStr]) -> String {
        let script = root().join("crates/system-tests/tests/conformance").join(script);
        let output = Command::new(&self.python).arg(script).args(arguments).output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{problem}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl ConformanceFigures {
    /// Counts a line that `ask.py` prints.
    fn count(&mut self, outcome: &Value) {
        let text = |member: &str| outcome[member].as_str().unwrap();
        let (case, told) = (text("case"), text("told"));
        match text("came") {
            "passed" => self.passed += 1,
            "refused at load" if !told.is_empty() => self.refused_at_load += 1,
            "refused at the request" if !told.is_empty() => self.refused_at_request += 1,
            "failed" if FAIL_EVERYWHERE.iter().any(|known| case.starts_with(known)) => {
                assert_eq!(outcome["python_runs_it"], false, "{outcome}");
                self.failed_as_in_python += 1;
            }
            _ => panic!("{outcome}"),
        }
    }
}
