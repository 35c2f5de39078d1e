//! Models as people have them: out of packages of PyPI, or trained here by the usual libraries. Each is answered as Python
//! answers it, or refused when it is loaded.
//!
//! Rule of thumb: Python's ONNX Runtime and the libraries that trained the models say what is right; docs/serving.md has
//! a table of what each engine makes of them, which is held against what is found.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::{Launch, alone, pypi, root};

use self::table::{Outcome, documented};

/// The largest difference from Python's answer, relative to the largest magnitude of a tensor.
const TOLERANCE: f64 = 1e-3;
/// Fewer would be a sample of somebody else's models.
const FEWEST_MODELS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn real_models_are_answered_as_python_answers_them() {
    let _alone = alone().await;
    let what = "what real models answer";
    let (Some(python), Some(library)) = (pypi::python_with_models(what), pypi::onnxruntime(what)) else { return };
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(&python).args(["-W", "ignore"]).arg(script("make.py")).arg(folder.path()));
    let launch = Launch::inference().models(&folder.path().join("models"));
    let onnxruntime = launch.clone().flag("--engine=", "onnxruntime").flag("--onnxruntime-library=", library);
    let onnxruntime = outcomes(&python, folder.path(), &onnxruntime).await;
    let tract = outcomes(&python, folder.path(), &launch.flag("--engine=", "tract")).await;

    for (model, outcome) in &onnxruntime {
        assert_eq!(*outcome, Outcome::Equal, "{model} with ONNX Runtime");
    }
    assert!(onnxruntime.len() >= FEWEST_MODELS);
    let documented = documented(&root().join("docs/serving.md"));
    let mut found = BTreeMap::new();
    for (model, outcome) in &onnxruntime {
        // One row has a model with all the ways in which it is asked; where one is refused, the row says that.
        let row = found.entry(without_task(model)).or_insert([outcome, &tract[model]]);
        for (cell, outcome) in row.iter_mut().zip([outcome, &tract[model]]) {
            if **cell == Outcome::Equal {
                *cell = outcome;
            }
        }
    }
    table::compare(&documented, &found).unwrap_or_else(|problem| panic!("docs/serving.md: {problem}"));
}

/// What the service makes of each model.
///
/// # Panics
/// If it answers a request otherwise than Python does, or not at all.
async fn outcomes(python: &Path, folder: &Path, launch: &Launch) -> BTreeMap<String, Outcome> {
    let service = launch.start().await;
    let answered = run(Command::new(python).arg(script("ask.py")).arg(service.address.to_string()).arg(folder));
    let found: BTreeMap<String, Value> = serde_json::from_str(&answered).unwrap();
    let mut problems = Vec::new();
    let mut outcomes = BTreeMap::new();
    for (model, found) in found {
        if let Some(reason) = found["refused"].as_str() {
            assert!(!reason.is_empty(), "{model} is refused without a reason");
            outcomes.insert(model, Outcome::Refused(reason.to_owned()));
            continue;
        }
        let is_right = found["requests"].as_u64() > Some(0)
            && found["difference"].as_f64().is_some_and(|difference| difference < TOLERANCE)
            && found["problem"].is_null();
        if !is_right {
            problems.push(format!("{model}: {found}"));
        }
        outcomes.insert(model, Outcome::Equal);
    }
    assert!(problems.is_empty(), "{launch:?}\n{}", problems.join("\n"));
    outcomes
}

/// The name of a model without that of the task that it is served for a second time.
fn without_task(model: &str) -> String {
    ["_classes", "_numbers"].iter().find_map(|task| model.strip_suffix(task)).unwrap_or(model).to_owned()
}

fn script(name: &str) -> std::path::PathBuf {
    root().join("crates/system-tests/tests/real_models").join(name)
}

/// Runs a command that must succeed; gives what it prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {printed}{problem}");
    printed.into_owned()
}
