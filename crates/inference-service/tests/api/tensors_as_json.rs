//! `POST /predict` with tensors of any type, by the names of a model's inputs, with values that are missing.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::onnx::{Element, Tensor, graph};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::{Answer, Running, serve};

const ANY: &[Option<u64>] = &[None];
const PAIRS: &[Option<u64>] = &[None, Some(2)];
const ONES: &[Option<u64>] = &[None, Some(1)];

fn repository(model_toml: &str, file: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "m", model_toml, file);
    folder
}

/// A model `m` that gives back what it takes.
fn echo(element: Element, shape: &[Option<u64>]) -> TempDir {
    let [x, y]: [Tensor<'_>; 2] = ["x", "y"].map(|name| (name, element, shape));
    repository("task = \"raw\"\n", &graph(&[x], &[("Identity", &["x"], "y")], &[y]))
}

/// A model `m` of the sum of `a` and `b`.
fn sum(model_toml: &str, element: Element, shape: &[Option<u64>]) -> TempDir {
    let [a, b, y]: [Tensor<'_>; 3] = ["a", "b", "y"].map(|name| (name, element, shape));
    repository(model_toml, &graph(&[a, b], &[("Add", &["a", "b"], "y")], &[y]))
}

async fn predict(service: &Running, body: &Value) -> Answer {
    service.predict(&Sent::json(body)).await
}

/// The answer's only prediction.
fn only(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let predictions = answer.json()["predictions"].clone();
    assert_eq!(predictions.as_array().map(Vec::len), Some(1), "{predictions}");
    predictions[0].clone()
}

async fn refused(service: &Running, body: &Value, says: &str) {
    let answer = predict(service, body).await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid_input")), "{body} {answer:?}");
    let error = answer.json()["error"].clone();
    assert!(error.as_str().unwrap().contains(says), "{body}: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_model_takes_and_gives_whole_tensors_of_every_type() {
    for (element, datatype, data) in [
        (Element::Float32, "FP32", json!([[1.5, -0.25], [0.0, 3.0]])),
        (Element::Float64, "FP64", json!([[1e300, 0.1]])),
        (Element::Float16, "FP16", json!([[0.5, -2.0]])),
        (Element::Int32, "INT32", json!([[-7, i32::MAX]])),
        (Element::Int64, "INT64", json!([[i64::MIN, 7]])),
        (Element::Uint8, "UINT8", json!([[0, 255]])),
        (Element::Bool, "BOOL", json!([[true, false]])),
    ] {
        let service = serve(echo(element, PAIRS).path(), &[]).await;
        let rows = data.as_array().unwrap().len();
        let flat: Vec<Value> =
            data.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap().clone()).collect();
        let expected = json!({ "outputs": { "y": { "datatype": datatype, "shape": [rows, 2], "data": flat } } });
        for asked in [json!({ "input": data }), json!({ "inputs": { "x": data } }), json!({ "input": { "x": data } })] {
            assert_eq!(only(&predict(&service, &asked).await), expected, "{asked}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_inputs_go_by_name() {
    let service = serve(sum("task = \"raw\"\n", Element::Int64, ANY).path(), &[]).await;
    let answer = predict(&service, &json!({ "model": "m", "inputs": { "b": [10, 20], "a": [1, 2] } })).await;
    assert_eq!(only(&answer)["outputs"]["y"]["data"], json!([11, 22]));
    let pair = json!([1, 2]);
    for (body, says) in [
        (json!({ "input": pair }), "has 2 inputs; name each of them: {\"inputs\": {\"a\": […], \"b\": […]}}"),
        (json!({ "inputs": [pair, pair] }), "name each of them"),
        (json!({ "inputs": { "a": pair } }), "has 1 inputs; the model takes 2"),
        (json!({ "inputs": { "a": pair, "c": pair } }), "no input \"c\"; it has: a, b"),
        (
            json!({ "inputs": { "a": pair, "b": [1.5, 2] } }),
            "Of \"b\": The input is refused: expected whole numbers of INT64, got 1.5 at position 0",
        ),
        (json!({ "inputs": { "a": pair, "b": [1, null] } }), "got null at position 1"),
        (
            json!({ "inputs": { "a": pair, "b": [[1, 2]] } }),
            "expected a tensor of type INT64 and shape [?], got shape [1, 2]",
        ),
        (json!({ "inputs": { "a": [1, [2]], "b": pair } }), "equal length and depth"),
    ] {
        refused(&service, &body, says).await;
    }
    let twice = Sent::new("application/json", "{\"inputs\": {\"a\": [1], \"a\": [1]}}");
    assert_eq!(service.predict(&twice).await.status, 422);
    let one = serve(echo(Element::Float32, PAIRS).path(), &[]).await;
    refused(&one, &json!({ "inputs": [[1, 2]] }), "takes whole tensors and no items").await;
    assert_eq!(service.metrics().await.get("predictions_total{model=\"m\",status=\"success\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_several_inputs_of_any_type() {
    let regression = sum("task = \"regression\"\n", Element::Float64, ONES);
    let service = serve(regression.path(), &[]).await;
    let values = |answer: &Answer| {
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        body["predictions"].as_array().unwrap().iter().map(|one| one["value"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    for column in [json!([[10], [20]]), json!([10, 20])] {
        let answer = predict(&service, &json!({ "inputs": { "a": [[1], [2]], "b": column } })).await;
        assert_eq!(values(&answer), [11.0, 22.0]);
    }
    for one in [json!(5), json!([5]), json!([[5]])] {
        assert_eq!(values(&predict(&service, &json!({ "input": { "a": one, "b": [1] } })).await), [6.0], "{one}");
    }
    refused(&service, &json!({ "inputs": { "a": [[1]], "b": [[1], [2]] } }), "the same first dimension").await;
    refused(&service, &json!({ "inputs": { "a": [[1, 2]], "b": [[1]] } }), "N items of shape [N, 1]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scalar_is_sent_with_one_dimension_or_none() {
    let service = serve(echo(Element::Int64, &[]).path(), &[]).await;
    for asked in [json!(7), json!([7])] {
        let tensor = only(&predict(&service, &json!({ "input": asked })).await)["outputs"]["y"].clone();
        assert_eq!(tensor, json!({ "datatype": "INT64", "shape": [], "data": [7] }), "{asked}");
    }
    for (shape, data) in [(json!([]), json!([7])), (json!([]), json!(7)), (json!([1]), json!([7]))] {
        let asked = json!({ "inputs": [{ "name": "x", "datatype": "INT64", "shape": shape, "data": data }] });
        let answer = service.post("/v2/models/m/infer", &Sent::json(&asked)).await;
        assert_eq!(answer.json()["outputs"][0]["data"], json!([7]), "{asked} {answer:?}");
        let head = json!({ "inputs": [{ "name": "x", "datatype": "INT64", "shape": shape,
            "parameters": { "binary_data_size": 8 } }] });
        let head = head.to_string();
        let sent = Sent { body: [head.as_bytes(), &7_i64.to_le_bytes()].concat(), ..Sent::default() };
        let sent = sent.header("inference-header-content-length", &head.len().to_string());
        let answer = service.post("/v2/models/m/infer", &sent).await;
        assert_eq!(answer.json()["outputs"][0]["data"], json!([7]), "{shape} {answer:?}");
    }
    for wrong in [json!([7, 7]), json!([[7]]), json!([])] {
        refused(&service, &json!({ "input": wrong }), "expected a tensor of type INT64 and shape []").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_nan_for_raw_models_and_null_in_answers() {
    let service = serve(echo(Element::Float32, PAIRS).path(), &[]).await;
    let answer = only(&predict(&service, &json!({ "input": [[1, null]] })).await);
    assert_eq!(answer["outputs"]["y"]["data"], json!([1.0, null]));
    let tensor = json!({ "name": "x", "datatype": "FP32", "shape": [1, 2], "data": [null, 2] });
    let answer = service.post("/v2/models/m/infer", &Sent::json(&json!({ "inputs": [tensor] }))).await;
    assert_eq!(answer.json()["outputs"][0]["data"], json!([null, 2.0]), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_taken_where_model_toml_says_so() {
    let input = ("x", Element::Float32, PAIRS);
    let file = graph(&[input], &[("IsNaN", &["x"], "nan")], &[("nan", Element::Bool, PAIRS)]);
    let raw = serve(repository("task = \"raw\"\nmissing = \"refuse\"\n", &file).path(), &[]).await;
    refused(&raw, &json!({ "input": [[1, null]] }), "got null at position 1").await;
    let raw = serve(repository("task = \"raw\"\nmissing = \"nan\"\n", &file).path(), &[]).await;
    let answer = only(&predict(&raw, &json!({ "input": [[1, null]] })).await);
    assert_eq!(answer["outputs"]["nan"]["data"], json!([false, true]));

    let negated = graph(&[("x", Element::Float32, ONES)], &[("Neg", &["x"], "y")], &[("y", Element::Float32, ONES)]);
    let plain = serve(repository("task = \"regression\"\n", &negated).path(), &[]).await;
    refused(&plain, &json!({ "inputs": [[1], [null]] }), "got null at position 1, and the model takes no missing")
        .await;
    let tensor = json!({ "name": "x", "datatype": "FP32", "shape": [2, 1], "data": [1, null] });
    let answer = plain.post("/v2/models/m/infer", &Sent::json(&json!({ "inputs": [tensor] }))).await;
    assert_eq!((answer.status, answer.text.contains("got null at position 1")), (422, true), "{answer:?}");
}
