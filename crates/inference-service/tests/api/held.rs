//! Declared features hold for tensors too, in every protocol that brings them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::grpc_spans::call;
use crate::onnx::{Element, Tensor, graph};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::serve;

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
"#;

/// `sum` adds the columns of its table up, `raw` does so of a whole tensor, and `open` accepts what is outside.
fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let triples: &[Option<u64>] = &[None, Some(3)];
    let (x, y): (Tensor<'_>, Tensor<'_>) =
        (("x", Element::Float32, triples), ("y", Element::Float32, &[None, Some(1)][..]));
    let sum = graph(&[x], &[("ReduceSum", &["x"], "y")], &[y]);
    let open = FEATURES.replace("name =", "outside = \"accept\"\nname =");
    for (name, task, features) in
        [("sum", "regression", FEATURES), ("raw", "raw", FEATURES), ("open", "regression", &open)]
    {
        add(folder.path(), name, &format!("task = \"{task}\"\nmissing = \"nan\"\n{features}"), &sum);
    }
    folder
}

/// Every way to send rows as one tensor to this model.
fn tensors(model: &str, rows: &Value) -> Vec<(String, Sent)> {
    let flat: Vec<&Value> = rows.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).collect();
    let shape = [rows.as_array().unwrap().len(), 3];
    let infer = json!({ "inputs": [{ "name": "x", "datatype": "FP32", "shape": shape, "data": flat }] });
    let v1 = format!("/v1/models/{model}:predict");
    let bodies = [
        ("/predict", json!({ "model": model, "inputs": { "x": rows } })),
        (&v1, json!({ "instances": rows })),
        (&v1, json!({ "inputs": rows })),
        (&v1, json!({ "inputs": { "x": rows } })),
        ("/invocations", json!({ "instances": rows })),
        ("/invocations", json!({ "inputs": rows })),
        (&format!("/v2/models/{model}/infer"), infer),
    ];
    let sent = |(path, body): (&str, Value)| (path.to_owned(), Sent::json(&body).header("x-model", model));
    bodies.map(sent).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tensor_is_held_against_the_declaration_in_every_protocol() {
    let models = models();
    let service = serve(models.path(), &[]).await;
    for model in ["sum", "raw"] {
        for (row, feature, reason) in [
            (json!([121, 1, 5]), "age", "out_of_range"),
            (json!([42, 2, 5]), "city", "unknown_category"),
            (json!([42, 0.5, 5]), "city", "unknown_category"),
            (json!([null, 1, 5]), "age", "missing"),
        ] {
            let labels = format!("{{feature=\"{feature}\",model=\"{model}\",reason=\"{reason}\"}}");
            let counted = format!("prediction_feature_refusals_total{labels}");
            for (path, sent) in tensors(model, &json!([[120, 0, 5], row])) {
                let before = service.metrics().await.get(&counted);
                let answer = service.post(&path, &sent).await;
                let status = if path == "/predict" || path.starts_with("/v2") { 422 } else { 400 };
                let body = answer.json();
                let told = json!([answer.status, body["row"], body["feature"], body["reason"]]);
                assert_eq!(told, json!([status, 1, feature, reason]), "{path} {model} {row}: {body}");
                assert_eq!(service.metrics().await.get(&counted), before + 1.0, "{path} {model} {row}");
            }
        }
        for (path, sent) in tensors(model, &json!([[120, 0, 5], [0, 1, -7]])) {
            assert_eq!(service.post(&path, &sent).await.status, 200, "{path} {model}");
        }
    }
    for (path, sent) in tensors("open", &json!([[121, 2, 5], [-1, 0.5, 3]])) {
        assert_eq!(service.post(&path, &sent).await.status, 200, "{path}");
    }
    assert_eq!(service.predict(&Sent::json(&json!({ "model": "sum", "inputs": [[999, 0, 2]] }))).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tensor_over_grpc_is_held_too() {
    let models = models();
    let service = serve(models.path(), &[]).await;
    let field = |tag: u8, bytes: &[u8]| [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let numbers: Vec<u8> = [999.0_f32, 1.0, 5.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let tensor = [field(0x0a, b"x"), field(0x12, b"FP32"), field(0x1a, &[1, 3]), field(0x2a, &field(0x32, &numbers))];
    let message = [field(0x0a, b"sum"), field(0x2a, &tensor.concat())].concat();
    let _connection = call(service.grpc, "ModelInfer", &message);
    let counted = "prediction_feature_refusals_total{feature=\"age\",model=\"sum\",reason=\"out_of_range\"}";
    service.metrics_until("the refusal is counted", |metrics| metrics.get(counted) == 1.0).await;
}
