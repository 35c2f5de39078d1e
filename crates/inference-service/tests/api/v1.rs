//! The dialect of TensorFlow Serving, KServe V1 and Vertex AI.

use serde_json::{Value, json};

use crate::dialects::models;
use crate::logged::FakeLog;
use crate::pictures::{base64, cat, numbers};
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Running, serve, serve_logging_to};

async fn predicted(service: &Running, path: &str, request: Value) -> Value {
    let answer = service.post(path, &Sent::json(&request)).await;
    assert_eq!(answer.status, 200, "{path} {request}: {answer:?}");
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tensorflows_documentation_shows() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    // curl calls every body a form.
    let form = Sent::new("application/x-www-form-urlencoded", r#"{"instances": [1.0, 2.0, 5.0]}"#);
    let answer = service.post("/v1/models/half:predict", &form).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "predictions": [3.5, 4.0, 5.5] })), "{answer:?}");
    let named = json!({ "signature_name": "serving_default", "inputs": { "x": [1.0, 2.0] } });
    let outputs = predicted(&service, "/v1/models/half/versions/1:predict", named).await;
    assert_eq!(outputs, json!({ "outputs": [3.5, 4.0] }));
    let status = service.get("/v1/models/half").await.json();
    let version =
        json!({ "version": "1", "state": "AVAILABLE", "status": { "error_code": "OK", "error_message": "" } });
    assert_eq!(status, json!({ "name": "half", "ready": true, "model_version_status": [version] }));
    assert_eq!(service.get("/v1/models/half/versions/1").await.json(), status);
    assert_eq!(service.get("/v1/models").await.json(), json!({ "models": ["half", "pair", "sum"] }));
    assert_eq!(service.get("/").await.json(), json!({ "status": "alive" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_inputs_and_outputs_go_by_their_names() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    let rows = json!({ "instances": [{ "a": [1, 2], "b": [10, 20] }, { "b": [30, 40], "a": [3, 4] }] });
    let items = predicted(&service, "/v1/models/pair:predict", rows).await;
    let expected = json!([{ "sum": [11.0, 22.0], "difference": [-9.0, -18.0] }, { "sum": [33.0, 44.0], "difference": [-27.0, -36.0] }]);
    assert_eq!(items, json!({ "predictions": expected }));
    let columns = json!({ "inputs": { "a": [[1, 2], [3, 4]], "b": [[10, 20], [30, 40]] } });
    let columns = predicted(&service, "/v1/models/pair:predict", columns).await;
    let expected = json!({ "sum": [[11.0, 22.0], [33.0, 44.0]], "difference": [[-9.0, -18.0], [-27.0, -36.0]] });
    assert_eq!(columns, json!({ "outputs": expected }));
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_as_clients_write_bytes() {
    let service = serve(&shipped(), &[]).await;
    let (picture, (values, [a, b, c])) = (base64(&cat()), numbers("cifar10", &cat()));
    let rows = |values: &[f32]| values.chunks(c).map(<[f32]>::to_vec).collect::<Vec<_>>();
    let planes: Vec<Vec<Vec<f32>>> = values.chunks(b * c).map(rows).collect();
    assert_eq!(planes.len(), a);
    let forms = [
        json!({ "instances": [{ "b64": picture }] }),
        json!({ "instances": [{ "input": { "b64": picture } }] }),
        json!({ "instances": [{ "input": picture }] }),
        json!({ "instances": [picture] }),
        json!({ "instances": [planes] }),
        json!({ "instances": [values] }),
    ];
    let mut answers = Vec::new();
    for form in forms {
        answers.push(predicted(&service, "/v1/models/cifar10:predict", form).await["predictions"].clone());
    }
    assert_eq!(answers[0][0].as_array().unwrap().len(), 10, "{answers:?}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_item_has_its_record_and_its_count() {
    let folder = models();
    let mut log = FakeLog::start(&[]).await;
    let service = serve_logging_to(&log.url, folder.path(), &["--record", "memory"]).await;
    let two = json!({ "instances": [[1, 2, 3], [4, 5, 6]] });
    let answer = predicted(&service, "/v1/models/sum:predict", two).await;
    assert_eq!(answer, json!({ "predictions": [[321.0], [654.0]] }));
    for (row, value) in [(0, 321.0), (1, 654.0)] {
        let record = log.record().await;
        assert_eq!(
            (&record["model"], &record["row_index"], &record["value"]),
            (&json!("sum"), &json!(row), &json!(value))
        );
    }
    let refused = service.post("/v1/models/sum:predict", &Sent::json(&json!({ "instances": [[1, 2]] }))).await;
    assert_eq!(refused.status, 400);
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("predictions_total{model=\"sum\",status=\"success\"}"), 2.0);
    assert_eq!(metrics.get("predictions_total{model=\"sum\",status=\"error\"}"), 1.0);
    let route = "http_requests_total{method=\"POST\",route=\"/v1/models/{model}\",status=\"200\"}";
    assert_eq!(metrics.get(route), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_an_error() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    let numbers = json!({ "instances": [1.0] });
    for (path, request, status, code, says) in [
        ("/v1/models/none:predict", numbers.clone(), 404, "model_not_found", "there is: half, pair, sum"),
        ("/v1/models/half/versions/7:predict", numbers.clone(), 404, "model_not_found", "version 1 only"),
        ("/v1/models/half", numbers.clone(), 404, "not_found", ":predict"),
        ("/v1/models/half:explain", numbers.clone(), 404, "not_found", "no \"explain\""),
        ("/v1/models/half:predict", json!({}), 400, "invalid_request", "exactly one of"),
        ("/v1/models/half:predict", json!({ "instances": 1 }), 400, "invalid_request", "must be a list"),
        ("/v1/models/half:predict", json!({ "instances": ["a"] }), 400, "invalid_input", "got a string"),
        ("/v1/models/half:predict", json!({ "dataframe_records": [] }), 400, "invalid_request", "/invocations"),
        (
            "/v1/models/pair:predict",
            json!({ "instances": [{ "a": [1] }] }),
            400,
            "invalid_input",
            "has 1 inputs; the model takes 2",
        ),
        ("/v1/models/sum:predict", json!({ "instances": vec![[0; 3]; 65] }), 413, "too_large", "65 items"),
    ] {
        let answer = service.post(path, &Sent::json(&request)).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["code"]), (status, &json!(code)), "{path}: {body}");
        assert!(body["error"].as_str().unwrap().contains(says), "{path}: {body}");
        assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
    }
    assert_eq!(service.get("/v1/models/none").await.status, 404);
    // What is no prediction is not counted as one.
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("predictions_total{model=\"unknown\",status=\"error\"}"), 1.0);
}
