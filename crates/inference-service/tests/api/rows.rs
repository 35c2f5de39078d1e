//! Rows of a table, by the names of the features that model.toml declares.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::logged::FakeLog;
use crate::onnx::{Element, Tensor, graph};
use crate::repository::{add, shipped};
use crate::sent::Sent;
use crate::service::{Answer, Running, serve, serve_logging_to};
use crate::tensors::engines;

const FEATURES: &str = r#"
[[features]]
name = "age"
kind = "number"
range = [0, 120]

[[features]]
name = "city"
kind = "category"
categories = ["Paris", "Rome"]
encoding = "index"

[[features]]
name = "income"
kind = "number"
optional = true
keep = false
"#;

const TRIPLES: &[Option<u64>] = &[None, Some(3)];

/// A model `m` that gives back its table of three columns.
fn echo(head: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let [x, y]: [Tensor<'_>; 2] = ["x", "y"].map(|name| (name, Element::Float32, TRIPLES));
    add(folder.path(), "m", &format!("{head}{FEATURES}"), &graph(&[x], &[("Identity", &["x"], "y")], &[y]));
    folder
}

/// A model `m` that adds its three columns up.
fn sum(head: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = (("x", Element::Float32, TRIPLES), ("y", Element::Float32, &[None, Some(1)][..]));
    add(folder.path(), "m", &format!("{head}{FEATURES}"), &graph(&[x], &[("ReduceSum", &["x"], "y")], &[y]));
    folder
}

async fn predict(service: &Running, body: &Value) -> Answer {
    service.predict(&Sent::json(body)).await
}

/// The numbers of each item's only output.
fn outputs(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    body["predictions"].as_array().unwrap().iter().map(|one| one["outputs"]["y"]["data"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_becomes_what_the_model_takes() {
    let service = serve(echo("task = \"raw\"\n").path(), &[]).await;
    let rows = json!([
        { "age": 42, "city": "Rome", "income": 1000.5 },
        { "city": "Paris", "income": null, "age": 0.5 },
        { "age": 120, "city": "Paris" },
    ]);
    let answer = predict(&service, &json!({ "rows": rows })).await;
    assert_eq!(outputs(&answer), json!([[42.0, 1.0, 1000.5], [0.5, 0.0, null], [120.0, 0.0, null]]));
    let csv = "income,city,age\r\n1000.5,\"Rome\",42\r\n,Paris,0.5\r\n\"\",Paris,120\r\n";
    let answer = service.predict(&Sent::new("text/csv", csv).header("accept", "application/json")).await;
    assert_eq!(outputs(&answer), json!([[42.0, 1.0, 1000.5], [0.5, 0.0, null], [120.0, 0.0, null]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_refuses_the_request_by_row_and_feature() {
    let service = serve(echo("task = \"raw\"\n").path(), &["--max-batch", "4"]).await;
    let good = json!({ "age": 42, "city": "Rome" });
    for (bad, feature, says) in [
        (json!({ "age": "42", "city": "Rome" }), "age", "\"age\" is \"42\", and must be a number"),
        (json!({ "age": true, "city": "Rome" }), "age", "is a truth value, and must be a number"),
        (json!({ "age": [1], "city": "Rome" }), "age", "is a list, and must be a number"),
        (json!({ "age": 121, "city": "Rome" }), "age", "is 121, and must be from 0 to 120"),
        (json!({ "age": 1e39, "city": "Rome" }), "age", "must be a finite number of FP32"),
        (json!({ "age": null, "city": "Rome" }), "age", "is missing, and the model needs it"),
        (json!({ "city": "Rome" }), "age", "is missing, and the model needs it"),
        (json!({ "age": 1, "city": "" }), "city", "is missing, and the model needs it"),
        (json!({ "age": 1, "city": "rome" }), "city", "is \"rome\", and must be one of \"Paris\", \"Rome\""),
        (json!({ "age": 1, "city": 7 }), "city", "is the number 7, and must be a text"),
        (json!({ "age": 1, "city": {} }), "city", "is an object, and must be a text"),
    ] {
        let answer = predict(&service, &json!({ "rows": [good, bad] })).await;
        let body = answer.json();
        let told = (answer.status, &body["code"], &body["row"], &body["feature"]);
        assert_eq!(told, (422, &json!("invalid_input"), &json!(1), &json!(feature)), "{bad} {body}");
        let sentence = body["error"].as_str().unwrap();
        assert!(sentence.starts_with("Row 1 is refused: ") && sentence.contains(says), "{bad}: {sentence}");
    }
    for (body, status, code, says) in [
        (
            json!({ "rows": [{ "aged": 1 }] }),
            422,
            "invalid_input",
            "\"aged\" is none of the model's features, which are: age, city, income",
        ),
        (json!({ "rows": [] }), 400, "invalid_request", "There are no rows."),
        (json!({ "rows": {} }), 400, "invalid_request", "rows to be a list of objects"),
        (json!({ "rows": [[1, 2]] }), 400, "invalid_request", "a row to be an object"),
        (json!({ "rows": [good, good, good, good, good] }), 413, "too_large", "more than 4 rows"),
        (
            json!({ "rows": [good], "inputs": [] }),
            400,
            "invalid_request",
            "exactly one of image, images, input, inputs and rows",
        ),
    ] {
        let answer = predict(&service, &body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{body}");
        let sentence = answer.json()["error"].clone();
        assert!(sentence.as_str().unwrap().contains(says), "{body}: {sentence}");
    }
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"success\"}"), 0.0);
    let refused = |feature: &str, reason: &str| {
        let labels = format!("feature=\"{feature}\",model=\"m\",reason=\"{reason}\"");
        metrics.get(&format!("prediction_feature_refusals_total{{{labels}}}"))
    };
    assert_eq!(["type", "missing", "out_of_range"].map(|reason| refused("age", reason)), [4.0, 2.0, 1.0]);
    assert_eq!(["type", "missing", "unknown_category"].map(|reason| refused("city", reason)), [2.0, 1.0, 1.0]);
    assert_eq!(metrics.of("prediction_feature_refusals_total").count(), 3 * 4, "only declared features have series");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_none_is_refused() {
    let service = serve(echo("task = \"raw\"\n").path(), &[]).await;
    let twice = Sent::new("application/json", r#"{"rows": [{"age": 1, "age": 2, "city": "Rome"}]}"#);
    assert!(service.predict(&twice).await.text.contains("\\\"age\\\" stands twice"));
    for (csv, says) in [
        ("age,city\n1,Rome\n2\n", "Row 1 is refused: it has 1 cells, and the header names 2."),
        ("age,city\nold,Rome\n", "\"age\" is \"old\", and must be a number"),
        ("age,city\n,Rome\n", "\"age\" is missing"),
        ("age,town\n1,Rome\n", "\"town\" is none of the model's features"),
        ("age,city,age\n1,Rome,2\n", "\"age\" stands twice"),
        ("age,city\n", "There are no rows."),
        ("", "There are no rows."),
    ] {
        let answer = service.predict(&Sent::new("text/csv", csv)).await;
        let sentence = answer.json()["error"].clone();
        assert!(answer.status >= 400 && sentence.as_str().unwrap().contains(says), "{csv:?}: {sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_features_says_how_to_declare_them() {
    let folder = tempfile::tempdir().unwrap();
    let [x, y]: [Tensor<'_>; 2] = ["x", "y"].map(|name| (name, Element::Float32, TRIPLES));
    add(folder.path(), "m", "task = \"raw\"\n", &graph(&[x], &[("Identity", &["x"], "y")], &[y]));
    let service = serve(folder.path(), &[]).await;
    let answer = predict(&service, &json!({ "rows": [{ "age": 1 }] })).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("declares no features; add [[features]] with name and kind"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_features_are_recorded_and_those_that_may_not_be_kept_are_counted_only() {
    let mut log = FakeLog::start(&[]).await;
    let models = sum("task = \"regression\"\nmissing = \"nan\"\n");
    let service = serve_logging_to(&log.url, models.path(), &["--record", "memory"]).await;
    let rows = json!([{ "age": 42, "city": "Rome", "income": 1000.4 }, { "age": 7, "city": "Paris", "income": 3 }]);
    let answer = predict(&service, &json!({ "rows": rows })).await;
    let values: Vec<f64> =
        answer.json()["predictions"].as_array().unwrap().iter().map(|one| one["value"].as_f64().unwrap()).collect();
    assert!((values[0] - 1043.4).abs() < 1e-3 && values[1] == 10.0, "{values:?}");
    let (first, second) = (log.record().await, log.record().await);
    assert_eq!(first["features"], json!({ "age": 42.0, "city": "Rome" }), "{first}");
    // The middle of the bin: the grid has 128 bins a doubling, here of 4.
    assert_eq!(first["counted_features"], json!({ "income": 1002.0 }));
    assert_eq!((&second["features"]["age"], &second["row_index"]), (&json!(7.0), &json!(1)));
    // The same by tensors is recorded alike.
    let answer = predict(&service, &json!({ "inputs": [[42, 1, 1000.4]] })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let third = log.record().await;
    assert_eq!((&third["features"], &third["counted_features"]), (&first["features"], &first["counted_features"]));
}

const APART: &str = r#"task = "raw"
[[features]]
name = "city"
kind = "category"
optional = true

[[features]]
name = "count"
kind = "number"

[[features]]
name = "risk"
kind = "category"
categories = ["low", "high"]
encoding = "one_hot"
input = "flags"
"#;

/// A model of one input for each feature, of a text, of a whole number and of a column for each category.
fn apart() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let one: &[Option<u64>] = &[None, Some(1)];
    let two: &[Option<u64>] = &[None, Some(2)];
    let types = [("city", Element::Text, one), ("count", Element::Int64, one), ("flags", Element::Float32, two)];
    let outputs =
        [("city_out", Element::Text, one), ("count_out", Element::Int64, one), ("flags_out", Element::Float32, two)];
    let operators: [(&str, &[&str], &str); 3] = [
        ("Identity", &["city"], "city_out"),
        ("Identity", &["count"], "count_out"),
        ("Identity", &["flags"], "flags_out"),
    ];
    add(folder.path(), "m", APART, &graph(&types, &operators, &outputs));
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn each_engine_takes_texts_whole_numbers_and_columns_of_categories() {
    let models = apart();
    for flags in engines() {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let mut log = FakeLog::start(&[]).await;
        let service = serve_logging_to(&log.url, models.path(), &[&["--record", "memory"], &flags[..]].concat()).await;
        let rows = json!([{ "city": "Zürich", "count": 3, "risk": "high" }, { "count": -7, "risk": "low" }]);
        let answer = predict(&service, &json!({ "rows": rows })).await;
        assert_eq!(answer.status, 200, "{flags:?} {answer:?}");
        let body = answer.json();
        let told = |row: usize, name: &str| body["predictions"][row]["outputs"][name]["data"].clone();
        assert_eq!(
            [told(0, "city_out"), told(0, "count_out"), told(0, "flags_out")],
            [json!(["Zürich"]), json!([3]), json!([0.0, 1.0])]
        );
        assert_eq!(
            [told(1, "city_out"), told(1, "count_out"), told(1, "flags_out")],
            [json!([""]), json!([-7]), json!([1.0, 0.0])]
        );
        assert_eq!(log.record().await["features"], json!({ "city": "Zürich", "count": 3.0, "risk": "high" }));
        assert_eq!(log.record().await["features"], json!({ "city": null, "count": -7.0, "risk": "low" }));
        let half = predict(&service, &json!({ "rows": [{ "count": 0.5, "risk": "low" }] })).await;
        assert!(half.text.contains("is 0.5, and must be a whole number from -9007199254740991"), "{half:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_model_toml_declares_is_told_to_the_logging_service() {
    let head = "task = \"regression\"\nmissing = \"nan\"\nowner = \"risk\"\ntolerance = 0.5\n\
                tags = { region = [\"eu\", \"us\"] }\nthresholds = { mae = 2 }\n";
    let mut log = FakeLog::start(&[]).await;
    let models = sum(head);
    let flags = ["--record", "memory", "--model-poll-seconds", "0.01"];
    let service = serve_logging_to(&log.url, models.path(), &flags).await;
    let told = log.declaration().await;
    assert_eq!((told.model.as_str(), told.query.as_str()), ("m", "source=file"));
    let expected = json!({
        "task": "regression",
        "owner": "risk",
        "tolerance": 0.5,
        "features": [
            { "name": "age", "kind": "number", "range": [0.0, 120.0], "optional": false },
            { "name": "city", "kind": "category", "categories": ["Paris", "Rome"], "optional": false },
            { "name": "income", "kind": "number", "optional": true, "keep": false },
        ],
        "tags": { "region": ["eu", "us"] },
        "thresholds": { "mae": 2.0 },
    });
    assert_eq!(told.json, expected);
    let delivered = "model_declaration_delivered{model=\"m\"}";
    service.metrics_until("the declaration is delivered", |metrics| metrics.get(delivered) == 1.0).await;
    // A changed model.toml is told again.
    let changed = format!("{}{FEATURES}", head.replace("risk", "fraud"));
    std::fs::write(models.path().join("m/model.toml"), changed).unwrap();
    assert_eq!(log.declaration().await.json["owner"], "fraud");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_declares_nothing_tells_its_task_and_classes() {
    let mut log = FakeLog::start(&[]).await;
    let _service = serve_logging_to(&log.url, &shipped(), &["--record", "memory"]).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(log.declaration().await);
    }
    told.sort_by(|a, b| a.model.cmp(&b.model));
    let [cifar10, _, surface, _] = &told[..] else { panic!("there are four models") };
    assert_eq!((cifar10.model.as_str(), surface.model.as_str()), ("cifar10", "surface"));
    assert_eq!(cifar10.json["labels"].as_array().unwrap().len(), 10);
    assert_eq!(surface.json, json!({ "task": "classification", "labels": surface.json["labels"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_its_file_contradicts_says_so_and_does_not_serve() {
    let models = sum("task = \"regression\"\n");
    let n: &[Tensor<'_>] = &[("n", Element::Float32, TRIPLES)];
    add(
        models.path(),
        "n",
        "task = \"raw\"\n",
        &graph(n, &[("Identity", &["n"], "o")], &[("o", Element::Float32, TRIPLES)]),
    );
    let service = serve(models.path(), &[]).await;
    let listed = service.get("/models").await.json();
    let error = listed["models"][0]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("\"income\" may be missing, and nothing in the model looks at missing values"), "{error}");
    assert!(error.contains("give `missing_value`, or write missing = \"nan\""), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_answered_with_a_table() {
    let service = serve(sum("task = \"regression\"\nmissing = \"nan\"\n").path(), &[]).await;
    let sent = Sent::new("text/csv", "age,city,income\n42,Rome,0.5\n7,Paris,3\n").header("x-request-id", "table-1");
    let answer = service.predict(&sent).await;
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(answer.header("x-request-id"), Some("table-1"));
    assert_eq!(answer.text, "request_id,row_index,value\ntable-1,0,43.5\ntable-1,1,10\n");
    let as_json = service.predict(&sent.header("accept", "text/html;q=0.1, application/json")).await;
    assert_eq!(as_json.json()["predictions"], json!([{ "value": 43.5 }, { "value": 10.0 }]));

    let raw = serve(apart().path(), &[]).await;
    let sent = Sent::new("text/csv", "city,count,risk\n\"Rome, old\",3,high\n,4,low\n").header("x-request-id", "r");
    let expected = "request_id,row_index,city_out,count_out,flags_out.0,flags_out.1\n\
                    r,0,\"Rome, old\",3,0,1\nr,1,,4,1,0\n";
    assert_eq!(raw.predict(&sent).await.text, expected);

    let folder = tempfile::tempdir().unwrap();
    let [x, y]: [Tensor<'_>; 2] = ["x", "y"].map(|name| (name, Element::Float32, &[None, Some(2)][..]));
    let toml = "task = \"classification\"\nlabels = [\"no\", \"yes\"]\noutput = \"logits\"\npositive = \"yes\"\n\
                [[features]]\nname = \"a\"\nkind = \"number\"\n[[features]]\nname = \"b\"\nkind = \"number\"\n";
    add(folder.path(), "m", toml, &graph(&[x], &[("Identity", &["x"], "y")], &[y]));
    let classes = serve(folder.path(), &[]).await;
    let answer = classes.predict(&Sent::new("text/csv", "a,b\n0,0\n").header("x-request-id", "c")).await;
    assert_eq!(answer.text, "request_id,row_index,label,class,confidence,defect\nc,0,no,0,0.5,false\n");
}
