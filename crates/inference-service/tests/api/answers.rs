//! The answer to a prediction: its shape, its options and its ids.

use serde_json::{Value, json};

use crate::pictures::{base64, cat, dot};
use crate::raw::Connection;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::serve;

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_has_the_promised_shape() {
    let service = serve(&shipped(), &[]).await;
    let answer = service.predict(&Sent::new("image/jpeg", cat()).query("?top_k=10")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let body = answer.json();
    assert_eq!(members(&body), ["request_id", "model", "version", "predictions", "timings_ms"]);
    assert_eq!((&body["model"], &body["version"]), (&json!("cifar10"), &json!("1")));

    let prediction = &body["predictions"][0];
    assert_eq!(members(prediction), ["label", "class", "confidence", "defect", "top"]);
    assert_eq!((&prediction["label"], &prediction["class"]), (&json!("cat"), &json!(3)));
    assert_eq!(prediction["defect"], false);
    let top = prediction["top"].as_array().unwrap();
    for (better, worse) in top.iter().zip(&top[1..]) {
        assert!(better["confidence"].as_f64() >= worse["confidence"].as_f64(), "{top:?}");
    }
    for member in members(&top[0]) {
        assert_eq!(top[0][member], prediction[member], "the best of all is the prediction");
    }
    assert_eq!(members(&top[0]), ["label", "class", "confidence"]);
    let sum: f64 = top.iter().map(|score| score["confidence"].as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-9, "the confidences of all classes add up to {sum}");
    let mut classes: Vec<i64> = top.iter().map(|score| score["class"].as_i64().unwrap()).collect();
    classes.sort_unstable();
    assert_eq!(classes, (0..10).collect::<Vec<_>>());

    assert_eq!(members(&body["timings_ms"]), ["decode", "queue", "inference", "total"]);
    let milliseconds = |phase: &str| body["timings_ms"][phase].as_f64().unwrap();
    let phases = ["decode", "queue", "inference"].map(milliseconds);
    assert!(phases.iter().all(|phase| *phase >= 0.0), "{body}");
    assert!(milliseconds("inference") > 0.0, "{body}");
    // Each of the four is rounded to a microsecond.
    assert!(phases.iter().sum::<f64>() <= milliseconds("total") + 0.002, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_may_stand_in_the_query_or_the_body_and_the_body_wins() {
    let service = serve(&shipped(), &[]).await;
    let image = base64(&cat());
    let of = |options: Value| {
        let mut body = json!({ "image": image });
        body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        Sent::json(&body)
    };
    let raw = |query: &str| Sent::new("image/jpeg", cat()).query(query);
    let form = |name: &str, value: &str| Sent::form(&[("image", &cat()), (name, value.as_bytes())]);
    for (name, sent, model, top) in [
        ("nothing", raw(""), "cifar10", 1),
        ("an empty query", raw("?"), "cifar10", 1),
        ("all in the query", raw("?model=surface&version=1&top_k=3"), "surface", 3),
        ("more classes than there are", raw("?model=surface&top_k=1000"), "surface", 5),
        ("a name in percent-encoding", raw("?model=%73urface"), "surface", 1),
        ("all in JSON", of(json!({ "model": "surface", "version": "1", "top_k": 2 })), "surface", 2),
        ("a version as a number", of(json!({ "version": 1 })), "cifar10", 1),
        (
            "nulls are nothing",
            of(json!({ "model": null, "version": null, "top_k": null, "input": null })),
            "cifar10",
            1,
        ),
        ("JSON before the query", of(json!({ "model": "surface" })).query("?model=nowhere&top_k=2"), "surface", 2),
        ("top_k in a form", form("top_k", " 4\n"), "cifar10", 4),
        ("a version in a form", form("version", "1"), "cifar10", 1),
        ("a form before the query", form("model", "surface").query("?model=cifar10"), "surface", 1),
    ] {
        let answer = service.predict(&sent).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let body = answer.json();
        assert_eq!(body["model"], model, "{name}");
        assert_eq!(body["predictions"][0]["top"].as_array().unwrap().len(), top, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_is_the_clients_or_a_new_one() {
    let service = serve(&shipped(), &[]).await;
    let sent = || Sent::new("image/png", dot());
    let longest = "x".repeat(128);
    for id in ["order-17", "a/b?c=d&e", &longest] {
        let answer = service.predict(&sent().header("x-request-id", id)).await;
        assert_eq!((answer.header("x-request-id"), &answer.json()["request_id"]), (Some(id), &json!(id)));
    }
    let too_long = "x".repeat(129);
    let mut made = Vec::new();
    for unusable in ["", "two words", &too_long] {
        let answer = service.predict(&sent().header("x-request-id", unusable)).await;
        made.push(answer.header("x-request-id").unwrap().to_owned());
        assert_eq!(answer.json()["request_id"], made.last().unwrap().as_str());
    }
    for id in &made {
        assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7, "{id}");
    }
    made.dedup();
    assert_eq!(made.len(), 3, "an id was used twice");

    let named = Sent::json(&json!({ "image": base64(&dot()), "request_id": "from-the-body" }));
    let answer = service.predict(&named.header("x-request-id", "from-the-header")).await;
    assert_eq!(answer.header("x-request-id"), Some("from-the-body"));
    assert_eq!(answer.json()["request_id"], "from-the-body");

    let refused = Sent::json(&json!({ "input": [], "request_id": "from-the-body" }));
    let answer = service.predict(&refused.header("x-request-id", "from-the-header")).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (422, Some("from-the-body")));
    assert_eq!(answer.json()["request_id"], "from-the-body");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let service = serve(&shipped(), &[]).await;
    // As curl does with a large picture.
    let sent = Sent::new("image/jpeg", cat());
    let mut connection = Connection::open(&service);
    connection.send(sent.head(&format!("content-length: {}\r\nexpect: 100-continue\r\n", sent.body.len())));
    let mut told = [0; 25];
    connection.read_exact(&mut told);
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.send(&sent.body);
    assert_eq!(connection.answer(false).json()["predictions"][0]["label"], "cat");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_default_a_model_must_be_named() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["a", "b"] {
        std::os::unix::fs::symlink(shipped().join("surface"), folder.path().join(model)).unwrap();
    }
    let service = serve(folder.path(), &[]).await;
    let refused = service.predict(&Sent::new("image/png", dot())).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("invalid_request")));
    let sentence = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(sentence.contains("a, b"), "{sentence}");
    let answer = service.predict(&Sent::new("image/png", dot()).query("?model=b")).await;
    assert_eq!((answer.status, &answer.json()["model"]), (200, &json!("b")));
}
