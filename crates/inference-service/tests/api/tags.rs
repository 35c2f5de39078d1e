//! The segments that a request's predictions belong to, in every protocol.

use serde_json::{Value, json};

use crate::logged::FakeLog;
use crate::onnx::{Element, graph};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::serve_logging_to;

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_a_request_are_recorded_or_it_is_refused() {
    let one: &[Option<u64>] = &[None, Some(1)];
    let folder = tempfile::tempdir().unwrap();
    let model = graph(&[("x", Element::Float32, one)], &[("Identity", &["x"], "y")], &[("y", Element::Float32, one)]);
    add(folder.path(), "m", "task = \"regression\"\n", &model);
    let mut log = FakeLog::start(&[]).await;
    let service = serve_logging_to(&log.url, folder.path(), &["--record", "memory"]).await;
    let input = json!({ "name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1.0] });
    let predict = |body: Value| ("/predict", Sent::json(&body));
    let infer =
        |parameters: Value| ("/v2/models/m/infer", Sent::json(&json!({ "inputs": [input], "parameters": parameters })));
    for ((path, sent), header, expected) in [
        (predict(json!({ "input": [1] })), "", json!(null)),
        (predict(json!({ "input": [1] })), "region=eu, tier=gold", json!({ "region": "eu", "tier": "gold" })),
        (
            predict(json!({ "input": [1], "tags": { "region": "us" } })),
            "region=eu,tier=gold",
            json!({ "region": "us", "tier": "gold" }),
        ),
        (
            infer(json!({ "tags": "region=us", "tag_tier": "gold", "other": 7 })),
            "",
            json!({ "region": "us", "tier": "gold" }),
        ),
        (infer(json!({})), "region=eu", json!({ "region": "eu" })),
    ] {
        let sent = if header.is_empty() { sent } else { sent.header("x-tags", header) };
        let answer = service.post(path, &sent).await;
        assert_eq!(answer.status, 200, "{sent:?} {answer:?}");
        assert_eq!(log.record().await["tags"], expected, "{sent:?}");
    }
    for ((path, sent), header, says) in [
        (predict(json!({ "input": [1] })), "region", "The header X-Tags must be like region=eu,tier=gold."),
        (predict(json!({ "input": [1] })), "a b=1", "The tags are refused: tags.a b may contain letters"),
        (predict(json!({ "input": [1], "tags": { "a": "" } })), "", "The tags are refused: tags.a is empty."),
        (predict(json!({ "input": [1], "tags": { "a": 1 } })), "", "The JSON cannot be read"),
        (infer(json!({ "tag_a": 1 })), "", "The parameter \"tag_a\" must be a text."),
        (infer(json!({ "tags": "a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1" })), "", "tags has more than 8 entries."),
    ] {
        let sent = if header.is_empty() { sent } else { sent.header("x-tags", header) };
        let answer = service.post(path, &sent).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_request")), "{sent:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(says), "{sent:?} {answer:?}");
        let record = log.record().await;
        assert_eq!((&record["status"], &record["tags"]), (&json!("error"), &json!(null)));
    }
}
