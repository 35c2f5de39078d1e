//! Members that are `null` are left out, ids that are given back are recorded, and a model may be called `stats`.

use serde_json::{Value, json};

use crate::logged::FakeLog;
use crate::onnx::{Element, graph};
use crate::repository::{Versions, add};
use crate::sent::Sent;
use crate::service::{serve, serve_logging_to};

#[tokio::test(flavor = "multi_thread")]
async fn null_is_the_same_as_nothing() {
    let versions = Versions::new("");
    versions.add(1);
    let service = serve(versions.path(), &[]).await;
    let plain = json!({
        "model": null, "version": null, "top_k": null, "request_id": null, "image": null, "images": null, "inputs": null,
        "input": [0, 0, 1],
    });
    let answer = service.predict(&Sent::json(&plain)).await;
    assert_eq!((answer.status, &answer.json()["predictions"][0]["label"]), (200, &json!("c")), "{answer:?}");
    let tensor = json!({ "name": "v0", "datatype": "FP32", "shape": [1, 3], "data": [0, 0, 1], "parameters": null });
    for outputs in [Value::Null, json!([]), json!([{ "name": "v1", "parameters": null }])] {
        let asked = json!({ "id": null, "parameters": null, "outputs": outputs, "inputs": [tensor] });
        let answer = service.post("/v2/models/m/infer", &Sent::json(&asked)).await;
        assert_eq!((answer.status, answer.json()["outputs"][0]["data"][2].clone()), (200, json!(1.0)), "{answer:?}");
        assert!(answer.json().get("id").is_none(), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_given_back_are_recorded() {
    let versions = Versions::new("");
    versions.add(1);
    let mut log = FakeLog::start(&[]).await;
    let spool = tempfile::tempdir().unwrap();
    let service = serve_logging_to(&log.url, versions.path(), &["--spool", spool.path().to_str().unwrap()]).await;
    let tensor = json!({ "name": "v0", "datatype": "FP32", "shape": [1, 3], "data": [0, 0, 1] });
    let infer = async |id: &str| {
        let asked = json!({ "id": id, "inputs": [tensor] });
        service.post("/v2/models/m/infer", &Sent::json(&asked)).await
    };
    for (id, header) in
        [("visit-1", "visit-1"), ("visit of Zoë", "visit%20of%20Zo%C3%AB"), (&"x".repeat(128), &"x".repeat(128))]
    {
        let answer = infer(id).await;
        assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)), "{answer:?}");
        assert_eq!(answer.header("x-request-id"), Some(header));
        assert_eq!(log.record().await["request_id"], id);
    }
    for id in ["x".repeat(129), "two\nlines".to_owned()] {
        let answer = infer(&id).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_request")), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_may_be_called_stats() {
    let folder = tempfile::tempdir().unwrap();
    let pairs = |name| (name, Element::Float32, &[None, Some(2)][..]);
    let file = graph(&[pairs("x")], &[("Neg", &["x"], "y")], &[pairs("y")]);
    for model in ["stats", "second"] {
        add(folder.path(), model, "task = \"raw\"\n", &file);
    }
    let service = serve(folder.path(), &[]).await;
    for path in ["ready", "config", "versions/1", "versions/1/ready", "versions/1/stats"] {
        let answer = service.get(&format!("/v2/models/stats/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let own = service.get("/v2/models/stats/stats").await.json();
    assert_eq!((own["model_stats"].as_array().unwrap().len(), &own["model_stats"][0]["name"]), (1, &json!("stats")));
    let both = service.get("/v2/models/stats").await.json();
    assert_eq!(both["model_stats"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!((&both["name"], &both["inputs"][0]["name"]), (&json!("stats"), &json!("x")), "{both}");
    let tensor = json!({ "name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2] });
    let answer = service.post("/v2/models/stats/infer", &Sent::json(&json!({ "inputs": [tensor] }))).await;
    assert_eq!(answer.json()["outputs"][0]["data"], json!([-1.0, -2.0]), "{answer:?}");

    std::fs::remove_dir_all(folder.path().join("stats")).unwrap();
    let without = serve(folder.path(), &[]).await.get("/v2/models/stats").await.json();
    assert_eq!(without.as_object().unwrap().keys().collect::<Vec<_>>(), ["model_stats"], "{without}");
}
