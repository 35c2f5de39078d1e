//! Values of rows and the log: a refusal may quote them to its client, and the log has only their place.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::logged::FakeLog;
use crate::onnx::{Element, Tensor, graph};
use crate::process::Process;
use crate::repository::add;
use crate::sent::Sent;
use crate::service::serve_logging_to;
use crate::tensors::engines;

/// A text and digits that no log line has but for a value of a row.
const TEXT: &str = "SECRET";
const DIGITS: &str = "4711";

const FEATURES: &str = r#"
[[features]]
name = "age"
kind = "number"
range = [0, 120]
keep = false

[[features]]
name = "city"
kind = "category"
categories = ["Paris", "Rome"]
encoding = "index"
keep = false

[[features]]
name = "dose"
kind = "number"
"#;

/// `m` adds the columns of its table up; `plain` does so and declares no features.
fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let triples: &[Option<u64>] = &[None, Some(3)];
    let (x, y): (Tensor<'_>, Tensor<'_>) =
        (("x", Element::Float32, triples), ("y", Element::Float32, &[None, Some(1)][..]));
    let sum = graph(&[x], &[("ReduceSum", &["x"], "y")], &[y]);
    add(folder.path(), "m", &format!("task = \"regression\"\n{FEATURES}"), &sum);
    add(folder.path(), "plain", "task = \"regression\"\n", &sum);
    folder
}

/// A path and a body that are refused.
fn refused_requests() -> Vec<(&'static str, Sent)> {
    let text = |body: &str| Sent::new("application/json", body);
    let json = |body: Value| Sent::json(&body);
    let csv = |body: &str| Sent::new("text/csv", body);
    let row = |age: Value, city: Value| json!({ "age": age, "city": city, "dose": 1 });
    let split = |columns: Value, data: Value| json(json!({ "dataframe_split": { "columns": columns, "data": data } }));
    let names = || json!(["age", "city", "dose"]);
    let infer =
        |data: &str| text(&format!(r#"{{"inputs":[{{"name":"x","datatype":"FP32","shape":[1,3],"data":{data}}}]}}"#));
    let (predict, v1, invoke, v2) = ("/predict", "/v1/models/m:predict", "/invocations", "/v2/models/m/infer");
    vec![
        (predict, json(json!({ "rows": [row(json!(4711.5), json!("Rome"))] }))),
        (predict, json(json!({ "rows": [row(json!(TEXT), json!("Rome"))] }))),
        (predict, json(json!({ "rows": [row(json!(1), json!(4711))] }))),
        (predict, json(json!({ "rows": [row(json!(1), json!(TEXT))] }))),
        (predict, text(r#"{"rows":[{"age":4711e39,"city":"Rome","dose":1}]}"#)),
        (predict, text(r#"{"rows":[{"age":4711e400,"city":"Rome","dose":1}]}"#)),
        (predict, text(r#"{"rows":[{"age":4711,"age":4711,"city":"Rome","dose":1}]}"#)),
        (predict, json(json!({ "rows": [TEXT] }))),
        (predict, json(json!({ "rows": TEXT }))),
        (predict, json(json!({ "rows": [{ TEXT: 1 }] }))),
        (predict, csv("4711,SECRET,3\n")),
        (predict, csv("age,city,dose\nSECRET,Rome,1\n")),
        (predict, csv("age,city,dose\n4711,Rome,1,SECRET\n")),
        (predict, Sent::new("text/csv", b"age,city,dose\n4711,SECRET\xe9,1\n".as_slice())),
        (predict, text(r#"{"inputs":[[4711e39,1,1]]}"#)),
        (predict, json(json!({ "inputs": [[TEXT, 1, 1]] }))),
        (predict, json(json!({ "inputs": [[4711, 1, 1]] }))),
        (predict, json(json!({ "inputs": [[4711, 1]] }))),
        (predict, json(json!({ "inputs": { TEXT: [4711] } }))),
        (v2, infer("[\"SECRET\",1,1]")),
        (v2, infer("[4711e39,1,1]")),
        (v2, infer("[4711,1,1]")),
        (v2, infer("{\"SECRET\":4711}")),
        (v2, json(json!({ "inputs": TEXT }))),
        (v1, json(json!({ "instances": [row(json!(4711), json!("Rome"))] }))),
        (v1, json(json!({ "instances": [[TEXT, 1, 1]] }))),
        (v1, json(json!({ "instances": [row(json!(1), json!("Rome")), TEXT] }))),
        (v1, json(json!({ "instances": TEXT }))),
        (v1, json(json!({ "inputs": { "age": [TEXT], "city": ["Rome"], "dose": [1] } }))),
        (v1, json(json!({ "inputs": { "age": TEXT, "city": [4711, 4711], "dose": [1] } }))),
        (invoke, split(names(), json!([[TEXT, "Rome", 1]]))),
        (invoke, split(names(), json!([TEXT]))),
        (invoke, split(json!(TEXT), json!([]))),
        (invoke, csv("4711,SECRET,3\n")),
        (invoke, csv("4711,SECRET,3\n4711,SECRET2,3\n")),
        (invoke, json(json!({ "dataframe_records": [TEXT] }))),
        (invoke, text(r#"{"dataframe_records":[{"age":4711e39,"city":"Rome","dose":1}]}"#)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_kept_leaves_the_service_only_as_it_is_counted() {
    let models = models();
    let file = models.path().join("m/model.toml");
    let toml = std::fs::read_to_string(&file).unwrap().replace("name =", "outside = \"accept\"\nname =");
    let toml = toml.replace("encoding = \"index\"", "encoding = \"index\"\nmissing_value = -1");
    std::fs::write(&file, toml).unwrap();
    let mut log = FakeLog::start(&[]).await;
    let service = serve_logging_to(&log.url, models.path(), &["--record", "memory"]).await;
    let row = |city: &str| json!({ "age": 4711.25, "city": city, "dose": 1 });
    let sent = Sent::json(&json!({ "model": "m", "rows": [row(TEXT), row("Rome")] }));
    assert_eq!(service.predict(&sent).await.status, 200);
    // The grid has 128 bins a doubling, here of 32: 4711.25 is in the one from 4704 to 4736.
    for city in ["", "Rome"] {
        let record = log.record().await;
        assert_eq!(record["counted_features"], json!({ "age": 4720.0, "city": city }), "{record}");
        assert_eq!(record["features"], json!({ "dose": 1.0 }), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_row_feature_and_reason() {
    let models = models();
    let process = Process::start(models.path(), &[]);
    process.service.ready().await;
    let rows = json!([{ "age": 1, "city": "Rome", "dose": 1 }, { "age": 4711, "city": "Rome", "dose": 1 }]);
    let sent = Sent::json(&json!({ "model": "m", "rows": rows })).header("x-request-id", "named");
    let answer = process.service.predict(&sent).await;
    assert_eq!(answer.json()["error"], "Row 1 is refused: \"age\" is 4711, and must be from 0 to 120.");
    let line = process.log.wait_for("the refusal", |line| line["request_id"] == "named");
    assert_eq!(line["error"], "Row 1 is refused: \"age\" is out of its range.");
    assert_eq!(json!([line["row"], line["feature"], line["reason"]]), json!([1, "age", "out_of_range"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_a_row_reaches_the_log() {
    let models = models();
    let process = Process::start(models.path(), &[]);
    process.service.ready().await;
    let mut requests = 0;
    for model in ["m", "plain"] {
        for (path, sent) in refused_requests() {
            let id = format!("request-{requests}");
            requests += 1;
            let path = path.replace("/m", &format!("/{model}"));
            let sent = Sent { query: format!("?model={model}"), ..sent }.header("x-request-id", &id);
            let sent = if path.starts_with("/v") { Sent { query: String::new(), ..sent } } else { sent };
            let answer = process.service.post(&path, &sent).await;
            if answer.status == 200 {
                // What declared features refuse is answered by the model that declares none.
                assert_eq!(model, "plain", "{path} {sent:?}");
                continue;
            }
            let line = process.log.wait_for(&format!("the line of {path} {sent:?}"), |line| line["request_id"] == id);
            let mut said = line.clone();
            // These have digits of their own.
            for member in ["timestamp", "trace_id", "latency_seconds", "decode_seconds"] {
                said.as_object_mut().unwrap().remove(member);
            }
            let text = said.to_string();
            assert!(!text.contains(TEXT) && !text.contains(DIGITS), "{path} {sent:?}\n{text}");
            assert_eq!(line["error_type"], answer.json()["code"], "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_complaint_tells_no_value_either() {
    let folder = tempfile::tempdir().unwrap();
    let (x, i): (Tensor<'_>, Tensor<'_>) = (("x", Element::Float32, &[Some(3)]), ("i", Element::Int64, &[Some(1)]));
    let gather = graph(&[x, i], &[("Gather", &["x", "i"], "y")], &[("y", Element::Float32, &[Some(1)])]);
    add(folder.path(), "m", "task = \"raw\"\n", &gather);
    for flags in engines() {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let errors = folder.path().join("errors");
        let file = std::fs::File::create(&errors).unwrap();
        let process = Process::start_with_errors_in(file, folder.path(), &flags);
        process.service.ready().await;
        let asked = async |index: i64| {
            let body = json!({ "inputs": { "x": [1, 2, 3], "i": [index] }, "request_id": format!("index-{index}") });
            process.service.predict(&Sent::json(&body)).await
        };
        assert_eq!(asked(2).await.status, 200);
        assert_eq!(asked(4711).await.status, 422);
        let line = process.log.wait_for("the refusal", |line| line["request_id"] == "index-4711");
        let told = format!("{} {}", line["error"], line["cause"]);
        assert!(line["cause"].is_string() && !told.contains(DIGITS), "{line}");
        assert!(process.log.count(|line| line["panic"].to_string().contains(DIGITS)) == 0, "{flags:?}");
        let written = std::fs::read_to_string(&errors).unwrap();
        assert!(!written.contains(DIGITS), "{flags:?}: {written}");
    }
}
