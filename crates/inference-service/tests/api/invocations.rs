//! The dialect of MLflow and SageMaker.

use serde_json::{Value, json};

use crate::dialects::models;
use crate::logged::FakeLog;
use crate::pictures::cat;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Running, serve, serve_logging_to};

async fn invoked(service: &Running, sent: Sent) -> Value {
    let answer = service.post("/invocations", &sent).await;
    assert_eq!(answer.status, 200, "{sent:?}: {answer:?}");
    answer.json()["predictions"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_answered_with_records() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    let records = json!([{ "y": 321.0 }, { "y": 654.0 }]);
    let columns = ["p", "q", "r"];
    for sent in [
        Sent::json(&json!({ "dataframe_split": { "columns": columns, "data": [[1, 2, 3], [4, 5, 6]] } })),
        Sent::json(&json!({ "dataframe_split": { "index": [7, 8], "data": [[1, 2, 3], [4, 5, 6]] }, "params": {} })),
        Sent::json(&json!({ "dataframe_records": [{ "p": 1, "q": 2, "r": 3 }, { "r": 6, "q": 5, "p": 4 }] })),
        Sent::new("text/csv", "p,q,r\n1,2,3\n4,5,6\n"),
        Sent::new("text/csv; charset=utf-8", "\"p\",q,r\r\n1.0,2.0,3.0\r\n4.0,5.0,6.0\r\n"),
        Sent::new("text/csv", "1,2,3\n4,5,6\n"),
        Sent::new("text/csv;header=absent", "1,2,3\n4,5,6"),
    ] {
        assert_eq!(invoked(&service, sent.query("?model=sum")).await, records);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tensor_is_answered_with_outputs_by_name() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    // The default model.
    assert_eq!(invoked(&service, Sent::json(&json!({ "inputs": [1.0, 2.0] }))).await, json!({ "y": [3.5, 4.0] }));
    assert_eq!(invoked(&service, Sent::json(&json!({ "instances": [{ "x": 1.0 }] }))).await, json!({ "y": [3.5] }));
    // Python writes NaN, which JSON does not have.
    let nan = Sent::new("application/json", r#"{"inputs": {"x": [1.0, NaN]}}"#);
    assert_eq!(invoked(&service, nan).await, json!({ "y": [3.5, null] }));
    let pair = Sent::json(&json!({ "inputs": { "a": [[1]], "b": [[2]] } })).header("x-model", "pair");
    assert_eq!(invoked(&service, pair.clone()).await, json!({ "sum": [[3.0]], "difference": [[-1.0]] }));
    let version = pair.header("x-model-version", "2");
    assert_eq!(service.post("/invocations", &version).await.status, 404);
    let frame = Sent::json(&json!({ "dataframe_split": { "columns": ["b", "more", "a"], "data": [[2, 9, 1]] } }));
    let frame = invoked(&service, frame.header("x-model", "pair")).await;
    assert_eq!(frame, json!([{ "sum": 3.0, "difference": -1.0 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_an_invocation() {
    let service = serve(&shipped(), &[]).await;
    for content_type in ["image/jpeg", "application/x-image", "application/octet-stream"] {
        let outputs = invoked(&service, Sent::new(content_type, cat()).header("x-model", "cifar10")).await;
        assert_eq!(outputs["logits"][0].as_array().unwrap().len(), 10, "{content_type}: {outputs}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_mlflows_and_ours() {
    let folder = models();
    let mut log = FakeLog::start(&[]).await;
    let service = serve_logging_to(&log.url, folder.path(), &["--record", "memory"]).await;
    let (bad, unfit) = ("BAD_REQUEST", "INVALID_PARAMETER_VALUE");
    let columns = json!({ "dataframe_split": { "columns": ["p"], "data": [[1, 2]] } });
    for (sent, status, code, error_code) in [
        (Sent::new("application/json", "{"), 400, "invalid_request", bad),
        (Sent::new("application/json", "[1]"), 400, "invalid_request", bad),
        (Sent::json(&json!({ "inputs": [1], "instances": [1] })), 400, "invalid_request", bad),
        (Sent::json(&columns), 400, "invalid_request", bad),
        (Sent::new("application/json; format=pandas-split", "{}"), 415, "unsupported_media_type", bad),
        (Sent::new("application/xml", "<x/>"), 415, "unsupported_media_type", bad),
        (Sent::json(&json!({ "inputs": ["a"] })), 400, "invalid_input", unfit),
        (Sent::new("text/csv", "p,q\n1,2\n").query("?model=sum"), 400, "invalid_input", unfit),
        (Sent::new("text/csv", "p,q,r\n1,,3\n").query("?model=sum"), 400, "invalid_input", unfit),
        (Sent::json(&json!({ "inputs": [1] })).query("?model=none"), 404, "model_not_found", "RESOURCE_DOES_NOT_EXIST"),
    ] {
        let answer = service.post("/invocations", &sent).await;
        let body = answer.json();
        let found = (answer.status, body["code"].as_str().unwrap(), body["error_code"].as_str().unwrap());
        assert_eq!(found, (status, code, error_code), "{sent:?}: {body}");
        assert_eq!(body["error"], body["message"], "{body}");
        assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
    }
    let record = log.record().await;
    assert_eq!((&record["status"], &record["error_type"]), (&json!("error"), &json!("invalid_request")), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    let ping = service.get("/ping").await;
    assert_eq!((ping.status, ping.text.as_str()), (200, "\n"));
    assert_eq!(service.get("/version").await.text, env!("CARGO_PKG_VERSION"));
}
