//! What declared features leave as it was: tensors by name, in every form that a model without features takes.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::onnx::{Element, Tensor, graph};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::{Running, serve};

const FEATURES: &str =
    "[[features]]\nname = \"i\"\nkind = \"number\"\n\n[[features]]\nname = \"d\"\nkind = \"number\"\n";

/// Models of two inputs that add them up: of items and of whole tensors, with features of the inputs' names and without.
fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let one: &[Option<u64>] = &[None, Some(1)];
    let inputs: [Tensor<'_>; 2] = ["i", "d"].map(|name| (name, Element::Float32, one));
    let add_up = graph(&inputs, &[("Add", &["i", "d"], "y")], &[("y", Element::Float32, one)]);
    for (name, task) in [("items", "regression"), ("whole", "raw")] {
        add(folder.path(), name, &format!("task = \"{task}\"\n"), &add_up);
        add(folder.path(), &format!("{name}-declared"), &format!("task = \"{task}\"\n{FEATURES}"), &add_up);
    }
    folder
}

async fn asked(service: &Running, model: &str, path: &str, body: &Value) -> Value {
    let path = path.replace("{model}", model);
    let answer = service.post(&path, &Sent::json(body).header("x-model", model)).await;
    assert_eq!(answer.status, 200, "{model} {path} {body}: {answer:?}");
    let answer = answer.json();
    ["predictions", "outputs"].into_iter().find_map(|member| answer.get(member).cloned()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn declaring_features_takes_no_form_away() {
    let models = models();
    let service = serve(models.path(), &[]).await;
    let v1 = "/v1/models/{model}:predict";
    let instances = json!({ "instances": [{ "i": [4], "d": [0.5] }, { "i": [5], "d": [1] }] });
    let columns = json!({ "inputs": { "i": [[4], [5]], "d": [[0.5], [1]] } });
    let records = json!({ "dataframe_records": [{ "i": [4], "d": [0.5] }, { "i": [5], "d": [1] }] });
    for (path, body) in [
        (v1, &instances),
        (v1, &columns),
        ("/invocations", &instances),
        ("/invocations", &columns),
        ("/invocations", &records),
    ] {
        for model in ["items", "whole"] {
            let plain = asked(&service, model, path, body).await;
            let declared = asked(&service, &format!("{model}-declared"), path, body).await;
            assert_eq!(declared, plain, "{model} {path} {body}");
        }
    }
    // Rows by the same names are rows.
    let rows = json!({ "instances": [{ "i": 4, "d": 0.5 }] });
    assert_eq!(asked(&service, "items-declared", v1, &rows).await, json!([[4.5]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_may_be_written_as_mlflow_takes_them() {
    let models = models();
    let service = serve(models.path(), &[]).await;
    let row = json!({ "i": "4", "d": true });
    let expected = json!([{ "y": 5.0 }]);
    for body in [
        json!({ "dataframe_records": [row] }),
        json!({ "dataframe_split": { "columns": ["i", "d"], "data": [[" 4e0 ", true]] } }),
        json!({ "inputs": { "i": ["4"], "d": [true] } }),
    ] {
        assert_eq!(asked(&service, "items-declared", "/invocations", &body).await, expected, "{body}");
    }
    let csv = Sent::new("text/csv", "i,d\n4,True\n").header("x-model", "items-declared");
    assert_eq!(service.post("/invocations", &csv).await.json()["predictions"], expected);
    let frame = json!({ "dataframe_records": [row] });
    assert_eq!(asked(&service, "items", "/invocations", &frame).await, expected);
    // Whatever is no number is refused, and another dialect has its own rules.
    let word = json!({ "dataframe_records": [{ "i": "four", "d": 1 }] });
    let refused = service.post("/invocations", &Sent::json(&word).header("x-model", "items-declared")).await;
    assert_eq!((refused.status, &refused.json()["feature"]), (400, &json!("i")));
    let path = "/v1/models/items-declared:predict";
    assert_eq!(service.post(path, &Sent::json(&json!({ "instances": [row] }))).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_none_is_refused_by_row_and_feature() {
    let models = models();
    let service = serve(models.path(), &[]).await;
    let told = async |path: &str, body: &str| {
        let answer = service.post(path, &Sent::new("application/json", body)).await;
        let body = answer.json();
        (answer.status, json!([body["row"], body["feature"]]), body["error"].as_str().unwrap().to_owned())
    };
    let predict = "/predict?model=items-declared";
    for token in ["NaN", "Infinity", "-Infinity"] {
        let body = format!(r#"{{"rows": [{{"i": 1, "d": 2}}, {{"i": 1, "d": {token}}}]}}"#);
        let says = format!(
            "Row 1 is refused: \"d\" is {token}, which JSON does not have; send null for a value that is missing."
        );
        assert_eq!(told(predict, &body).await, (400, json!([1, "d"]), says));
    }
    let beyond =
        "Row 0 is refused: \"i\" is a number beyond 1.8e308, the largest of double precision, and must be a number.";
    let (status, place, says) = told(predict, r#"{"rows": [{"i": 1e400, "d": 2}]}"#).await;
    assert_eq!((status, place, says.as_str()), (422, json!([0, "i"]), beyond));
    let v1 = "/v1/models/items-declared:predict";
    let (status, place, says) = told(v1, r#"{"instances": [{"i": 1e400, "d": 2}]}"#).await;
    assert_eq!((status, place, says.as_str()), (400, json!([0, "i"]), beyond));
}
