//! What a model's numbers are, and which classes and confidences become of them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::onnx::{Default, Element, graph, graph_with_defaults};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::{Answer, Running, serve};
use crate::tensors::engines;

const THREE: &[Option<u64>] = &[None, Some(3)];

/// A model `m` whose output `y` comes from `x` by these operators, with more lines in its model.toml.
fn model(lines: &str, classes: u64, operators: &[&str]) -> TempDir {
    let sizes = [None, Some(classes)];
    let names: Vec<String> = (1..operators.len()).map(|place| format!("v{place}")).collect();
    let names: Vec<&str> = ["x"].into_iter().chain(names.iter().map(String::as_str)).chain(["y"]).collect();
    let inputs: Vec<[&str; 1]> = names.iter().map(|name| [*name]).collect();
    let nodes = operators.iter().enumerate().map(|(place, operator)| (*operator, &inputs[place][..], names[place + 1]));
    let file =
        graph(&[("x", Element::Float32, &sizes)], &nodes.collect::<Vec<_>>(), &[("y", Element::Float32, &sizes)]);
    folder(lines, &file)
}

fn folder(lines: &str, file: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "m", &format!("task = \"classification\"\n{lines}\n"), file);
    folder
}

/// The service, with any of the engines.
async fn serving(models: &TempDir, flags: &[String]) -> Running {
    serve(models.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>()).await
}

async fn predict(service: &Running, items: &Value) -> Answer {
    service.predict(&Sent::json(&json!({ "model": "m", "inputs": items, "top_k": 5 }))).await
}

/// The confidences of each item, by class.
fn confidences(answer: &Answer) -> Vec<Vec<f64>> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let of = |prediction: &Value| {
        let mut top = prediction["top"].as_array().unwrap().clone();
        assert_eq!(prediction["confidence"], top[0]["confidence"], "{prediction}");
        assert_eq!(prediction["label"], top[0]["label"], "{prediction}");
        top.sort_by_key(|score| score["class"].as_u64());
        top.iter().map(|score| score["confidence"].as_f64().unwrap()).collect()
    };
    body["predictions"].as_array().unwrap().iter().map(of).collect()
}

/// The model's own numbers, as the protocol gives them.
async fn numbers(service: &Running, items: &Value, classes: usize) -> Vec<Vec<f64>> {
    let rows = items.as_array().unwrap().len();
    let input = json!({ "name": "x", "datatype": "FP32", "shape": [rows, classes], "data": items });
    let answer = service.post("/v2/models/m/infer", &Sent::json(&json!({ "inputs": [input] }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let data = answer.json()["outputs"][0]["data"].clone();
    let all: Vec<f64> = data.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect();
    all.chunks(classes).map(<[f64]>::to_vec).collect()
}

/// Why the model does not serve, beside one that does.
async fn problem(models: &TempDir) -> String {
    let file = graph(&[("x", Element::Float32, THREE)], &[("Neg", &["x"], "y")], &[("y", Element::Float32, THREE)]);
    add(models.path(), "sound", "task = \"raw\"\n", &file);
    let service = serve(models.path(), &[]).await;
    let listed = listed(&service).await;
    assert_eq!(listed["state"], "failed", "{listed}");
    listed["error"].as_str().unwrap().to_owned()
}

async fn listed(service: &Running) -> Value {
    service.get("/models").await.json()["models"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn confidences_are_the_models_own() {
    let items = json!([[1.0, -2.0, 0.5], [8.0, 8.0, -8.0], [0.0, 0.0, 0.0]]);
    for (operators, scale) in [(&["Softmax"][..], "probabilities"), (&["Neg", "Sigmoid", "Identity"], "sigmoid")] {
        let models = model("", 3, operators);
        for flags in engines() {
            let service = serving(&models, &flags).await;
            let scores = json!({ "output": "y", "scale": scale, "decided_by": "graph" });
            assert_eq!(listed(&service).await["scores"], scores);
            let own = numbers(&service, &items, 3).await;
            let told = confidences(&predict(&service, &items).await);
            for (own, told) in own.iter().flatten().zip(told.iter().flatten()) {
                assert!((own - told).abs() < 1e-6, "{operators:?} {flags:?}: {own} became {told}");
            }
            let asked = json!({
                "inputs": [{ "name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1.0, -2.0, 0.5] }],
                "outputs": [{ "name": "y", "parameters": { "classification": 1 } }],
            });
            let classes = service.post("/v2/models/m/infer", &Sent::json(&asked)).await.json();
            let text = classes["outputs"][0]["data"][0].as_str().unwrap().to_owned();
            let best = told[0].iter().copied().fold(0.0, f64::max);
            assert!(text.starts_with(&format!("{best:.6}:")), "{text} {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logits_get_a_softmax() {
    let models = model("output = \"logits\"", 3, &["Neg"]);
    let service = serve(models.path(), &[]).await;
    assert_eq!(listed(&service).await["scores"]["decided_by"], "model.toml");
    let told = confidences(&predict(&service, &json!([[0.0, -(2_f64.ln()), -(5_f64.ln())]])).await);
    for (told, expected) in told[0].iter().zip([0.125, 0.25, 0.625]) {
        assert!((told - expected).abs() < 1e-6, "{told} {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_number_tells_of_two_classes() {
    for (sizes, lines) in [(&[None, Some(1)][..], ""), (&[None, Some(1)], "labels = [\"fine\", \"broken\"]")] {
        let file =
            graph(&[("x", Element::Float32, sizes)], &[("Sigmoid", &["x"], "y")], &[("y", Element::Float32, sizes)]);
        let models = folder(lines, &file);
        for flags in engines() {
            let service = serving(&models, &flags).await;
            let answer = predict(&service, &json!([[3_f64.ln()], [-(3_f64.ln())]])).await;
            let told = confidences(&answer);
            for (told, expected) in told.iter().flatten().zip([0.25, 0.75, 0.75, 0.25]) {
                assert!((told - expected).abs() < 1e-6, "{told} {expected}");
            }
            let predictions = answer.json()["predictions"].clone();
            let names = if lines.is_empty() { ["0", "1"] } else { ["fine", "broken"] };
            assert_eq!([&predictions[0]["label"], &predictions[1]["label"]], [names[1], names[0]]);
            assert_eq!(listed(&service).await["labels"], json!(names));
            let described = service.get("/v2/models/m").await.json();
            assert_eq!(described["outputs"][0]["shape"], json!([-1, 1]), "{described}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_says_is_asked_for() {
    let text = problem(&model("", 3, &["Relu"])).await;
    for part in
        ["\"y\"", "(Relu)", "output = \"logits\"", "output = \"probabilities\"", "output = \"sigmoid\"", "model.toml"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = problem(&model("output = \"probabilities\"", 3, &["Neg"])).await;
    assert!(text.contains("add up to") && text.contains("\"y\"") && text.contains("model.toml"), "{text}");
    let text = problem(&model("output = \"sigmoid\"", 3, &["Cos", "Neg"])).await;
    assert!(text.contains("number 0 is -1") && text.contains("`output`"), "{text}");
    let text = problem(&model("output = \"sigmoid\"", 3, &["Neg"])).await;
    assert!(text.contains("lies between 0 and 1"), "zeros do not show it, other samples do: {text}");
    let text = problem(&model("output = \"logits\"", 3, &["Softmax"])).await;
    assert!(text.contains("give probabilities") && text.contains("remove `output`"), "{text}");
    let text = problem(&model("labels = [\"a\", \"b\"]", 3, &["Softmax"])).await;
    assert!(text.contains("2 numbers") && text.contains("[1, 3]"), "{text}");
    assert!(text.contains("`labels`") && !text.contains("[input]"), "{text}");
    let text = problem(&model("", 1, &["Softmax"])).await;
    assert!(text.contains("is 1 whatever"), "{text}");
    let text = problem(&model("labels = [\"a\"]", 1, &["Sigmoid"])).await;
    assert!(text.contains("two names"), "{text}");
}

/// A model with the scores `y` and a label `l` that it makes by these operators.
fn labelled(lines: &str, operators: &[(&str, &[&str], &str)]) -> TempDir {
    let outputs = [("l", Element::Int64, &[None][..]), ("y", Element::Float32, THREE)];
    let softmax = [("Softmax", &["x"][..], "y")];
    folder(lines, &graph(&[("x", Element::Float32, THREE)], &[&softmax[..], operators].concat(), &outputs))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_another_class_is_refused() {
    let least = [("ArgMin axis=1 keepdims=0", &["y"][..], "l")];
    let text = problem(&labelled("", &least)).await;
    assert!(text.contains("whose node \"l\" (ArgMin) takes the least likely class by \"y\""), "{text}");
    assert!(text.contains("`output_name = \"y\"` in model.toml"), "{text}");
    let text = problem(&labelled("", &[("Neg", &["y"], "n"), ("ArgMax axis=1 keepdims=0", &["n"], "l")])).await;
    assert!(text.contains("(ArgMax) takes the least likely class"), "{text}");
    let by_numbers = labelled("output_name = \"y\"", &least);
    let service = serve(by_numbers.path(), &[]).await;
    let answer = predict(&service, &json!([[0.0, 3.0, 1.0]])).await.json();
    assert_eq!(answer["predictions"][0]["label"], "1", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_is_held_against_the_models_own_label() {
    for (operators, lines) in [
        (&[("Abs", &["x"][..], "a"), ("ArgMax axis=1 keepdims=0", &["a"], "l")][..], ""),
        (&[("Abs", &["x"], "a"), ("ArgMax axis=1 keepdims=0", &["a"], "l")], "labels = [\"a\", \"b\", \"c\"]"),
        (&[("Abs", &["x"], "a"), ("ArgMax axis=1 keepdims=0", &["a"], "p"), ("Abs", &["p"], "l")], ""),
    ] {
        let models = labelled(lines, operators);
        for flags in engines() {
            let service = serving(&models, &flags).await;
            let answer = predict(&service, &json!([[0.0, 1.0, 2.0], [-0.5, 1.0, 0.0]])).await;
            let names = if lines.is_empty() { ["2", "1"] } else { ["c", "b"] };
            let predictions = answer.json()["predictions"].clone();
            assert_eq!([&predictions[0]["label"], &predictions[1]["label"]], names, "{answer:?}");
            let answer = predict(&service, &json!([[-5.0, 1.0, 2.0]])).await;
            assert_eq!((answer.status, &answer.json()["code"]), (500, &json!("internal")), "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linear_layer_of_probabilities_is_asked_about() {
    let weights = Default {
        tensor: ("w", Element::Float32, &[Some(3), Some(3)]),
        sizes: &[3, 3],
        numbers: &[0.5, 0.25, 0.25, 0.0, 1.0, 0.0, 0.5, 0.0, 0.5],
    };
    let operators = [("Softmax", &["x"][..], "p"), ("Identity", &["p"], "same"), ("MatMul", &["same", "w"], "y")];
    let ends = [("x", Element::Float32, THREE), ("y", Element::Float32, THREE)];
    let file = graph_with_defaults(&ends[..1], &[weights], &operators, &ends[1..]);
    let text = problem(&folder("", &file)).await;
    assert!(text.contains("the node \"y\" (MatMul) makes them from probabilities"), "{text}");
    let models = folder("output = \"probabilities\"", &file);
    let service = serve(models.path(), &[]).await;
    let told = confidences(&predict(&service, &json!([[0.0, 0.0, 0.0]])).await);
    for (told, expected) in told[0].iter().zip([1.0 / 3.0, 1.25 / 3.0, 0.25]) {
        assert!((told - expected).abs() < 1e-6, "{told} {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_no_probability_is_no_confidence() {
    let models = model("output = \"sigmoid\"", 3, &["Abs"]);
    let service = serve(models.path(), &[]).await;
    assert_eq!(predict(&service, &json!([[0.5, 0.25, 1.0]])).await.status, 200);
    let answer = predict(&service, &json!([[0.5, 3.0, 0.25]])).await;
    assert_eq!((answer.status, &answer.json()["code"]), (500, &json!("internal")), "{answer:?}");
    let models = model("output = \"probabilities\"", 3, &["Identity"]);
    let text = problem(&models).await;
    assert!(text.contains("add up to 0"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_outputs_is_named() {
    let file = graph(
        &[("x", Element::Float32, THREE)],
        &[("Neg", &["x"], "hidden"), ("Softmax", &["hidden"], "scores"), ("Abs", &["x"], "other")],
        &[("hidden", Element::Float32, THREE), ("scores", Element::Float32, THREE), ("other", Element::Float32, THREE)],
    );
    let text = problem(&folder("", &file)).await;
    assert!(text.contains("3 outputs (\"hidden\", \"scores\", \"other\")") && text.contains("`output_name`"), "{text}");
    let text = problem(&folder("output_name = \"score\"", &file)).await;
    assert!(text.contains("\"score\"") && text.contains("\"scores\""), "{text}");
    let models = folder("output_name = \"scores\"", &file);
    for flags in engines() {
        let service = serving(&models, &flags).await;
        let told = confidences(&predict(&service, &json!([[0.0, 0.0, -(2_f64.ln())]])).await);
        assert!((told[0][2] - 0.5).abs() < 1e-6, "{told:?}");
        let input = json!({ "name": "x", "datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6] });
        let asked = |output: &Value| json!({ "inputs": [input], "outputs": [output] });
        let rows = service.post("/v2/models/m/infer", &Sent::json(&asked(&json!({ "name": "other" })))).await.json();
        assert_eq!(rows["outputs"][0]["data"], json!([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), "{rows}");
        let alien = asked(&json!({ "name": "other", "parameters": { "classification": 1 } }));
        let refused = service.post("/v2/models/m/infer", &Sent::json(&alien)).await;
        assert!(refused.status == 422 && refused.text.contains("\\\"scores\\\""), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regression_may_name_its_output_too() {
    let one: &[Option<u64>] = &[None, Some(1)];
    let file = graph(
        &[("x", Element::Float32, one)],
        &[("Neg", &["x"], "low"), ("Exp", &["x"], "value")],
        &[("low", Element::Float32, one), ("value", Element::Float32, one)],
    );
    let models = tempfile::tempdir().unwrap();
    add(models.path(), "m", "task = \"regression\"\noutput_name = \"value\"\n", &file);
    let service = serve(models.path(), &[]).await;
    let answer = predict(&service, &json!([[0.0]])).await;
    assert_eq!(answer.json()["predictions"][0], json!({ "value": 1.0 }), "{answer:?}");
}
