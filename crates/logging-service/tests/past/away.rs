//! A service that is busy, or refuses a record that others would take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

use crate::command::Desk;
use crate::service::fresh;
use crate::store_support::{Fixture, apart};

/// Answers 503 twice; then refuses whatever holds the word `bad`.
async fn moody(asked: Arc<AtomicUsize>, body: String) -> (StatusCode, String) {
    if asked.fetch_add(1, Ordering::SeqCst) < 2 {
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    if body.contains("bad") {
        return (StatusCode::UNPROCESSABLE_ENTITY, "a bad one".to_owned());
    }
    (StatusCode::OK, json!({ "accepted": body.lines().count(), "duplicates": 0 }).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_service_is_asked_again_and_a_refused_record_is_found() {
    let asked = Arc::new(AtomicUsize::new(0));
    let route = post(move |body: String| moody(asked.clone(), body));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async { axum::serve(listener, Router::new().route("/log", route)).await });
    let desk = Desk::new();
    let label = |row: usize| if row == 333 { "bad" } else { "good" };
    let rows: String = (1..=700).map(|row| format!("{},2026-03-01\n", label(row))).collect();
    desk.put("rows.csv", format!("label,occurred_at\n{rows}"));
    let said = apart(|| desk.run(&["import", "--to", &url, "rows.csv", "--model", "m"]));
    serving.abort();
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("503") && said.err.contains("trying again"), "{said:?}");
    assert!(said.err.contains("row 333 is refused: 422 Unprocessable Entity: a bad one"), "{said:?}");
    assert!(said.out.starts_with("predictions: 699 accepted"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_keys_wants_one_of_them() {
    let desk = Desk::new();
    desk.put("rows.csv", "label,occurred_at\ncat,2026-03-01\n");
    let keys = desk.put("key", "past: 0123456789abcdef0123456789abcdef\n");
    let service = fresh(&Fixture::sqlite(), &["--api-keys", keys.to_str().unwrap()]).await;
    let url = format!("http://{}", service.address());
    let words = ["import", "--to", &url, "rows.csv", "--model", "m"];
    let said = apart(|| desk.run(&words));
    assert!(said.code == 1 && said.err.contains("401") && said.err.contains("see --log-key"), "{said:?}");
    let said = desk.done(&[&words[..], &["--log-key", "key"]].concat());
    assert!(said.out.starts_with("predictions: 1 accepted"), "{said:?}");
    // Manifests write a variable that is not set so.
    let mut command = desk.command(&["profile", "--model", "m", "rows.csv", "--prediction", "label"]);
    let output = apart(|| command.env("PREDICTION_LOG_KEY_FILE", "").output().unwrap());
    assert!(output.status.success(), "{output:?}");
}
