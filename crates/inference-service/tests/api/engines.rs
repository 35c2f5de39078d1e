//! Which engine runs a model: the one that fits, or the one that is named.

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::pypi;

use crate::onnx::{Element, graph};
use crate::process::Process;
use crate::repository::add;
use crate::service::serve;

const NOWHERE: [&str; 2] = ["--onnxruntime-library", "/nowhere/libonnxruntime.so"];

/// Gives what it takes.
fn identity() -> Vec<u8> {
    one_node("Identity")
}

fn one_node(operator: &str) -> Vec<u8> {
    let shape = &[None, Some(2)];
    graph(&[("x", Element::Float32, shape)], &[(operator, &["x"], "y")], &[("y", Element::Float32, shape)])
}

/// The same file with the number of a format that ONNX Runtime does not know yet; tract does not look at it.
fn of_the_future(file: &[u8]) -> Vec<u8> {
    // A field that comes again takes the place of the earlier one: 1 (ir_version), a varint.
    [file, &[0x08, 99]].concat()
}

fn models(models: &[(&str, &str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, engine, file) in models {
        let engine = if engine.is_empty() { String::new() } else { format!("engine = \"{engine}\"\n") };
        add(folder.path(), name, &format!("task = \"raw\"\n{engine}"), file);
    }
    folder
}

/// The members of each model that tell of its engine.
async fn told(folder: &TempDir, flags: &[&str]) -> Vec<Value> {
    let service = serve(folder.path(), flags).await;
    let models = service.get("/models").await.json();
    service.stopped().await;
    models["models"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_library_tract_runs_what_names_no_engine() {
    let folder = models(&[("any", "", identity()), ("named", "onnxruntime", identity()), ("own", "tract", identity())]);
    let listed = told(&folder, &[&["--engine", "auto"][..], &NOWHERE].concat()).await;
    assert_eq!(listed[0]["engine"], "tract");
    let because = listed[0]["engine_because"].as_str().unwrap();
    assert!(because.contains(NOWHERE[1]) && because.contains("--onnxruntime-library"), "{because}");
    let error = listed[1]["error"].as_str().unwrap();
    assert!(error.contains(NOWHERE[1]) && error.contains("--onnxruntime-library"), "{error}");
    assert_eq!((&listed[2]["engine"], &listed[2]["engine_because"]), (&json!("tract"), &Value::Null));
    let process = Process::start(folder.path(), &[&["--engine", "auto"][..], &NOWHERE].concat());
    let line = process.log.wait_for("a warning", |line| line["message"] == "onnxruntime_missing");
    assert_eq!(line["level"], "WARN");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_takes_what_the_other_refuses_unless_it_was_named() {
    let Some(library) = pypi::onnxruntime("which engine is chosen") else { return };
    let library = ["--onnxruntime-library", library.to_str().unwrap()];
    let folder = models(&[
        ("any", "", identity()),
        ("future", "", of_the_future(&identity())),
        ("future-named", "onnxruntime", of_the_future(&identity())),
        ("neither", "", one_node("Nonsense")),
        ("own", "tract", identity()),
    ]);
    let listed = told(&folder, &[&["--engine", "auto"][..], &library].concat()).await;
    assert_eq!((&listed[0]["engine"], &listed[0]["engine_because"]), (&json!("onnxruntime"), &Value::Null));
    assert_eq!(listed[1]["engine"], "tract");
    let because = listed[1]["engine_because"].as_str().unwrap();
    assert!(because.starts_with("onnxruntime: ") && because.contains("IR version"), "{because}");
    assert!(listed[2]["error"].as_str().unwrap().contains("IR version"), "{}", listed[2]);
    let error = listed[3]["error"].as_str().unwrap();
    assert!(error.contains("onnxruntime: ") && error.contains("; tract: "), "both say why: {error}");
    assert_eq!(listed[4]["engine"], "tract");

    let listed = told(&folder, &[&["--engine", "onnxruntime"][..], &library].concat()).await;
    assert!(listed[1]["error"].as_str().unwrap().contains("IR version"), "{}", listed[1]);
    assert_eq!((&listed[0]["engine"], &listed[4]["engine"]), (&json!("onnxruntime"), &json!("tract")));
    let listed = told(&folder, &[&["--engine", "tract"][..], &library].concat()).await;
    assert_eq!((&listed[0]["engine"], &listed[1]["engine"]), (&json!("tract"), &json!("tract")));
    assert!(listed[2]["error"].as_str().unwrap().contains("IR version"), "a model names its engine: {}", listed[2]);
}
