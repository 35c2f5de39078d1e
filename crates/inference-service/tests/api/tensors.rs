//! Models that take and give tensors of any type: several inputs and outputs, numbers instead of classes, open sizes.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::logged::FakeLog;
use crate::onnx::{Element, Tensor, graph};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::{Answer, Running, serve, serve_logging_to};
use testkit::pypi;

const JSON_LENGTH: &str = "inference-header-content-length";
const PAIRS: &[Option<u64>] = &[None, Some(2)];

/// In every runtime that there is.
pub(crate) fn engines() -> Vec<Vec<String>> {
    let library = pypi::onnxruntime("whether ONNX Runtime serves tensors of every type");
    let flags = library.map(|library| {
        let library = library.to_string_lossy().into_owned();
        ["--engine", "onnxruntime", "--onnxruntime-library", &library].map(str::to_owned).to_vec()
    });
    std::iter::once(Vec::new()).chain(flags).collect()
}

pub(crate) async fn serving(models: &TempDir, flags: &[String]) -> Running {
    serve(models.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// A model `m` of this task.
pub(crate) fn repository(task: &str, file: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "m", &format!("task = \"{task}\"\n"), file);
    folder
}

/// A model `m` that classifies, with more lines in its model.toml.
fn classifier(lines: &str, file: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "m", &format!("task = \"classification\"\n{lines}\n"), file);
    folder
}

/// Takes `a` and `b`, gives their sum, their product and whether they are equal.
fn arithmetic() -> TempDir {
    let pairs = |name, element| (name, element, PAIRS);
    let file = graph(
        &[pairs("a", Element::Float32), pairs("b", Element::Float32)],
        &[("Add", &["a", "b"], "sum"), ("Mul", &["a", "b"], "product"), ("Equal", &["a", "b"], "equal")],
        &[pairs("sum", Element::Float32), pairs("product", Element::Float32), pairs("equal", Element::Bool)],
    );
    repository("raw", &file)
}

pub(crate) fn input(name: &str, datatype: &str, shape: &Value, data: &Value) -> Value {
    json!({ "name": name, "datatype": datatype, "shape": shape, "data": data })
}

pub(crate) async fn infer(service: &Running, body: &Value) -> Answer {
    service.post("/v2/models/m/infer", &Sent::json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn several_inputs_and_outputs_of_open_sizes() {
    let models = arithmetic();
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let metadata = service.get("/v2/models/m").await.json();
        assert_eq!(metadata["inputs"][1], json!({ "name": "b", "datatype": "FP32", "shape": [-1, 2] }), "{metadata}");
        assert_eq!(metadata["outputs"][2], json!({ "name": "equal", "datatype": "BOOL", "shape": [-1, 2] }));
        let described = service.get("/models").await.json()["models"][0].clone();
        assert_eq!(described["task"], "raw");
        assert_eq!((described.get("input"), described.get("labels")), (None, None), "{described}");

        for rows in [1, 3] {
            let (shape, data) = (json!([rows, 2]), json!(vec![[1.0, 2.0]; rows]));
            let twice = json!(vec![[2.0, 2.0]; rows].concat());
            // Inputs go by name, in whatever order.
            let asked = [input("b", "FP32", &shape, &twice), input("a", "FP32", &shape, &data)];
            let answer = infer(&service, &json!({ "inputs": asked })).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let outputs = answer.json()["outputs"].clone();
            assert_eq!(outputs[0]["data"], json!(vec![[3.0, 4.0]; rows].concat()));
            assert_eq!(outputs[1]["data"], json!(vec![[2.0, 4.0]; rows].concat()));
            assert_eq!(
                outputs[2],
                json!({ "name": "equal", "datatype": "BOOL", "shape": shape, "data": vec![[false, true]; rows].concat() })
            );
            let one = infer(&service, &json!({ "inputs": asked, "outputs": [{ "name": "product" }] })).await.json();
            assert_eq!(one["outputs"].as_array().map(Vec::len), Some(1));
            assert_eq!(one["outputs"][0], outputs[1]);
        }
        let metrics = service.metrics().await;
        assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"success\"}"), 4.0, "one for each request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tensors_that_do_not_fit_are_refused() {
    let models = arithmetic();
    let service = serving(&models, &[]).await;
    let good = |name: &str| input(name, "FP32", &json!([1, 2]), &json!([1, 2]));
    let with = |second: Value| json!({ "inputs": [good("a"), second] });
    let b = |datatype: &str, shape: Value, data: Value| with(input("b", datatype, &shape, &data));
    for (code, status, says, body) in [
        ("invalid_input", 422, "no input \"c\"", with(good("c"))),
        ("invalid_input", 422, "another twice", with(good("a"))),
        ("invalid_input", 422, "1 inputs; the model takes 2", json!({ "inputs": [good("a")] })),
        ("invalid_input", 422, "takes FP32", b("INT64", json!([1, 2]), json!([1, 2]))),
        ("invalid_input", 422, "takes FP32", b("FLOAT", json!([1, 2]), json!([1, 2]))),
        ("invalid_input", 422, "the model takes", b("FP32", json!([1, 3]), json!([1, 2, 3]))),
        ("invalid_request", 400, "has 3 elements", b("FP32", json!([1, 2]), json!([1, 2, 3]))),
        ("invalid_request", 400, "numbers of FP32", b("FP32", json!([1, 2]), json!([1, "2"]))),
        ("invalid_request", 400, "numbers of FP32", b("FP32", json!([1, 2]), json!([1, 1e300]))),
        ("invalid_input", 422, "the model takes", b("FP32", json!([]), json!([1]))),
        ("invalid_request", 400, "at most 64 dimensions", b("FP32", json!(vec![1; 65]), json!([1]))),
        (
            "invalid_input",
            422,
            "does not classify",
            json!({ "inputs": [good("a"), good("b")], "outputs": [{ "name": "sum", "parameters": { "classification": 1 } }] }),
        ),
    ] {
        let answer = infer(&service, &body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{body} {answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(says), "{answer:?}");
    }
    let picture = service.predict(&Sent::new("image/jpeg", crate::pictures::cat()).query("?model=m")).await;
    assert_eq!((picture.status, &picture.json()["code"]), (422, &json!("invalid_input")), "{picture:?}");
    assert!(picture.text.contains("/v2/models/m/infer"), "the answer says where to go: {picture:?}");
    assert_eq!(infer(&service, &with(good("b"))).await.status, 200, "and nobody else is harmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_as_it_was_sent() {
    let types: [(Element, &str, Value, Vec<u8>); 7] = [
        (Element::Float32, "FP32", json!([1.5, -0.25]), [1.5_f32, -0.25].map(f32::to_le_bytes).concat()),
        (Element::Float64, "FP64", json!([1e300, 0.1]), [1e300_f64, 0.1].map(f64::to_le_bytes).concat()),
        (Element::Float16, "FP16", json!([0.5, -2.0]), vec![0, 0x38, 0, 0xc0]),
        (Element::Int32, "INT32", json!([-7, i32::MAX]), [-7_i32, i32::MAX].map(i32::to_le_bytes).concat()),
        (Element::Int64, "INT64", json!([i64::MIN, 7]), [i64::MIN, 7].map(i64::to_le_bytes).concat()),
        (Element::Uint8, "UINT8", json!([0, 255]), vec![0, 255]),
        (Element::Bool, "BOOL", json!([true, false]), vec![1, 0]),
    ];
    for flags in engines() {
        for (element, datatype, data, bytes) in &types {
            let [x, y]: [Tensor<'_>; 2] = ["x", "y"].map(|name| (name, *element, PAIRS));
            let models = repository("raw", &graph(&[x], &[("Identity", &["x"], "y")], &[y]));
            let service = serving(&models, &flags).await;
            let plain = infer(&service, &json!({ "inputs": [input("x", datatype, &json!([1, 2]), data)] })).await;
            assert_eq!(plain.status, 200, "{datatype} {flags:?} {plain:?}");
            assert_eq!(&plain.json()["outputs"][0]["data"], data, "{datatype}");

            let head = json!({
                "inputs": [{ "name": "x", "datatype": datatype, "shape": [1, 2],
                    "parameters": { "binary_data_size": bytes.len() } }],
                "parameters": { "binary_data_output": true },
            });
            let head = head.to_string();
            let sent = Sent { body: [head.as_bytes(), bytes].concat(), ..Sent::default() };
            let answer = service.post("/v2/models/m/infer", &sent.header(JSON_LENGTH, &head.len().to_string())).await;
            let length: usize = answer.header(JSON_LENGTH).unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap();
            assert_eq!(&answer.bytes[length..], bytes, "{datatype}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regression_says_a_number_and_records_it() {
    let one: &[Option<u64>] = &[None, Some(1)];
    let models = repository(
        "regression",
        &graph(&[("x", Element::Float32, one)], &[("Exp", &["x"], "y")], &[("y", Element::Float32, one)]),
    );
    let mut log = FakeLog::start(&[]).await;
    let spool = tempfile::tempdir().unwrap();
    let flags = ["--spool", spool.path().to_str().unwrap()];
    let service = serve_logging_to(&log.url, models.path(), &flags).await;
    let answer = service.predict(&Sent::json(&json!({ "model": "m", "inputs": [[0], [1]] }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let predictions = answer.json()["predictions"].clone();
    assert_eq!(predictions[0], json!({ "value": 1.0 }));
    assert!((predictions[1]["value"].as_f64().unwrap() - 1_f64.exp()).abs() < 1e-6, "{predictions}");
    for (row, prediction) in predictions.as_array().unwrap().iter().enumerate() {
        let record = log.record().await;
        assert_eq!((&record["task"], &record["row_index"]), (&json!("regression"), &json!(row)), "{record}");
        assert_eq!(record["value"], prediction["value"]);
        assert_eq!((record.get("label"), record.get("confidence"), record.get("input")), (None, None, None));
    }
    let tensor = input("x", "FP32", &json!([2, 1]), &json!([0, 1]));
    let rows = infer(&service, &json!({ "inputs": [tensor] })).await.json();
    assert_eq!((&rows["outputs"][0]["shape"], &rows["outputs"][0]["data"][0]), (&json!([2, 1]), &json!(1.0)), "{rows}");

    let endless = service.predict(&Sent::json(&json!({ "model": "m", "input": [1000] }))).await;
    assert_eq!((endless.status, &endless.json()["code"]), (422, &json!("invalid_input")));
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"success\"}"), 4.0);
    assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"error\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_need_neither_pictures_nor_names() {
    let three: &[Option<u64>] = &[None, Some(3)];
    let models = classifier(
        "output = \"logits\"",
        &graph(&[("x", Element::Float32, three)], &[("Neg", &["x"], "y")], &[("y", Element::Float32, three)]),
    );
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let asked = json!({ "model": "m", "inputs": [[3, 1, 2], [0, 5, 5]] });
        let answer = service.predict(&Sent::json(&asked)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let predictions = answer.json()["predictions"].clone();
        assert_eq!((&predictions[0]["label"], &predictions[0]["class"]), (&json!("1"), &json!(1)));
        assert_eq!(predictions[1]["label"], "0");
        let rows = json!([
            { "name": "x", "datatype": "FP32", "shape": [2, 3], "data": [3, 1, 2, 0, 5, 5] }
        ]);
        let logits = infer(&service, &json!({ "inputs": rows })).await.json();
        assert_eq!(logits["outputs"][0]["shape"], json!([2, 3]));
        assert_eq!(logits["outputs"][0]["data"][3], json!(0.0));
        let metrics = service.metrics().await;
        assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"success\"}"), 4.0, "one for each row");
        assert_eq!(metrics.get("prediction_classes_total{class=\"1\",model=\"m\"}"), 2.0);
        let picture = service.predict(&Sent::new("image/jpeg", crate::pictures::cat()).query("?model=m")).await;
        assert_eq!(picture.status, 422, "{picture:?}");
        assert!(picture.text.contains("takes no pictures"), "{picture:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_bytes_says_where_they_begin_also_where_there_are_none() {
    let file = graph(&[("x", Element::Float32, PAIRS)], &[("Neg", &["x"], "y")], &[("y", Element::Float32, PAIRS)]);
    let models = repository("raw", &file);
    for flags in engines() {
        let service = serving(&models, &flags).await;
        for rows in [0, 1] {
            let data = vec![1.0; 2 * rows];
            let mut asked = json!({ "inputs": [input("x", "FP32", &json!([rows, 2]), &json!(data))] });
            asked["parameters"] = json!({ "binary_data_output": true });
            let answer = infer(&service, &asked).await;
            assert_eq!(answer.status, 200, "{flags:?}: {answer:?}");
            let length = answer.header(JSON_LENGTH).expect("where the bytes begin").parse().unwrap();
            let (json, bytes) = answer.bytes.split_at(length);
            let output = serde_json::from_slice::<Value>(json).unwrap()["outputs"][0].clone();
            assert_eq!(output["shape"], json!([rows, 2]));
            assert_eq!((&output["parameters"]["binary_data_size"], bytes.len()), (&json!(8 * rows), 8 * rows));
        }
    }
}
