//! What every body has in common, on every route that takes one: it may be packed, may have a byte order mark, and has an
//! object where an object belongs.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::dialects::models;
use crate::sent::Sent;
use crate::service::{Answer, Running, serve};

/// A body of text that a route takes.
struct TextBody {
    path: &'static str,
    content_type: &'static str,
    text: String,
    /// The places of its objects.
    objects: &'static [&'static str],
}

fn bodies() -> Vec<TextBody> {
    let json = |path, body: Value, objects| TextBody {
        path,
        content_type: "application/json",
        text: body.to_string(),
        objects,
    };
    let infer = json!({
        "inputs": [{ "name": "x", "shape": [2], "datatype": "FP32", "data": [1.0, 2.0], "parameters": {} }],
        "outputs": [{ "name": "y", "parameters": { "binary_data": false } }], "parameters": { "tag_region": "eu" },
    });
    let places = &["", "/inputs/0", "/inputs/0/parameters", "/outputs/0", "/outputs/0/parameters", "/parameters"];
    let pair = json!({ "model": "pair", "inputs": { "a": [[1]], "b": [[2]] }, "tags": { "region": "eu" } });
    let split = json!({ "dataframe_split": { "columns": ["p", "q", "r"], "data": [[1, 2, 3]] } });
    let csv = TextBody {
        path: "/invocations?model=sum",
        content_type: "text/csv",
        text: "p,q,r\n1,2,3\n".to_owned(),
        objects: &[],
    };
    vec![
        json("/predict", pair, &["", "/inputs", "/tags"]),
        json("/v2/models/half/infer", infer, places),
        json("/v1/models/half:predict", json!({ "instances": [1.0, 2.0] }), &[""]),
        json("/invocations?model=sum", split, &["", "/dataframe_split"]),
        json(
            "/invocations?model=sum",
            json!({ "dataframe_records": [{ "p": 1, "q": 2, "r": 3 }] }),
            &["", "/dataframe_records/0"],
        ),
        csv,
        json("/v2/repository/models/half/load", json!({ "parameters": {} }), &["", "/parameters"]),
    ]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn send(service: &Running, body: &TextBody, coding: &str, bytes: Vec<u8>) -> Answer {
    let sent = Sent::new(body.content_type, bytes).header("content-encoding", coding);
    let is_order = body.path.starts_with("/v2/repository");
    if is_order { service.admin.post(body.path, &sent).await } else { service.post(body.path, &sent).await }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_may_be_packed_and_may_have_a_mark() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    for body in bodies() {
        let marked = format!("\u{feff}{}", body.text).into_bytes();
        for (coding, bytes) in [
            ("identity", body.text.clone().into_bytes()),
            ("identity", marked.clone()),
            ("gzip", gzip(body.text.as_bytes())),
            ("gzip", gzip(&marked)),
            ("x-gzip", gzip(&marked)),
        ] {
            let answer = send(&service, &body, coding, bytes).await;
            assert_eq!(answer.status, 200, "{} as {} in {coding}: {answer:?}", body.path, body.content_type);
        }
        let cut = gzip(body.text.as_bytes());
        let answer = send(&service, &body, "gzip", cut[..cut.len() - 9].to_vec()).await;
        assert_eq!(answer.status, 400, "{}: {answer:?}", body.path);
        let answer = send(&service, &body, "br", body.text.clone().into_bytes()).await;
        assert_eq!(answer.status, 415, "{}: {answer:?}", body.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_is_no_object_in_any_body() {
    let folder = models();
    let service = serve(folder.path(), &[]).await;
    for body in bodies() {
        for place in body.objects {
            let mut changed: Value = serde_json::from_str(&body.text).unwrap();
            let object = changed.pointer_mut(place).unwrap();
            let values = object.as_object().unwrap().values().cloned().collect::<Vec<_>>();
            *object = values.into();
            let answer = send(&service, &body, "identity", changed.to_string().into_bytes()).await;
            assert!([400, 422].contains(&answer.status), "{} at {place:?}: {answer:?}", body.path);
            let sentence = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(sentence.len() > 20, "{} at {place:?}: {sentence}", body.path);
        }
    }
}
