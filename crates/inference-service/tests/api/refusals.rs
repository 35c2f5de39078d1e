//! The error table: each row by several triggers, each with its status, code, metrics and log line.

use crate::process::Process;
use crate::raw::Connection;
use crate::refusal_rows as rows;
use crate::repository;
use crate::row::{Row, STATUSES};
use crate::sent::Sent;
use crate::service::serve;

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_answered_counted_and_logged() {
    let models = repository::with_troublemakers();
    let process = Process::start(models.path(), &["--max-body-bytes", "2000000", "--max-batch", "5"]);
    process.service.ready().await;
    let rows = [
        rows::invalid_request(),
        rows::invalid_input(),
        rows::unsupported_media_type(),
        rows::too_large(),
        rows::model_not_found(),
        rows::the_service_is_at_fault(),
    ];
    for (number, row) in rows.iter().flatten().enumerate() {
        row.check(&process, &format!("row-{number}")).await;
    }
    // Refusals that need more than a request to happen have tests of their own.
    let elsewhere = ["cancelled", "deadline_exceeded", "overloaded"];
    for (code, _) in STATUSES {
        let tested = rows.iter().flatten().any(|row| row.code == code);
        assert!(tested || elsewhere.contains(&code), "nothing here makes {code} happen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_a_fault_is_in_the_log_and_nowhere_else() {
    let models = repository::with_troublemakers();
    let process = Process::start(models.path(), &[]);
    process.service.ready().await;
    for (number, row) in rows::the_service_is_at_fault().iter().enumerate() {
        let id = format!("fault-{number}");
        let answer = row.check(&process, &id).await;
        let line = row.check_log(&process, &id);
        let cause = line["cause"].as_str().unwrap();
        assert!(cause.len() > 20, "{line}");
        assert!(!answer.text.contains(cause), "{answer:?}");
        assert!(!answer.text.contains(models.path().to_str().unwrap()), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_cut_off_at_the_limit() {
    let process = Process::start(&repository::shipped(), &["--max-body-bytes", "1000"]);
    process.service.ready().await;
    let row = Row::new("too_large", "a stream", Sent::new("image/png", ""), "1000 bytes");
    let before = process.service.metrics().await;
    let mut connection = Connection::open(&process.service);
    connection.send(row.sent.clone().header("x-request-id", "stream").head("transfer-encoding: chunked\r\n"));
    for _ in 0..11 {
        connection.send(format!("64\r\n{}\r\n", "x".repeat(100)));
    }
    // No last chunk: the answer does not wait for it forever.
    row.check_answer(&connection.answer(false), "stream");
    row.check_metrics(&before, &process.service.metrics().await);
    row.check_log(&process, "stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_refused_whether_the_client_asks_first_or_sends_it_all() {
    let service = serve(&repository::shipped(), &["--max-body-bytes", "1000"]).await;
    let sent = Sent::new("image/png", vec![0; 30_000_000]);
    let row = Row::new("too_large", "a large body", sent, "1000 bytes");
    let mut connection = Connection::open(&service);
    let asking = format!("content-length: {}\r\nexpect: 100-continue\r\n", row.sent.body.len());
    connection.send(row.sent.clone().header("x-request-id", "asking").head(&asking));
    row.check_answer(&connection.answer(false), "asking");

    // A client that listens only when it has sent everything, and goes on with the same connection.
    let mut connection = Connection::open(&service);
    for id in ["first", "second"] {
        let telling = format!("content-length: {}\r\n", row.sent.body.len());
        connection.send(row.sent.clone().header("x-request-id", id).head(&telling));
        connection.send(&row.sent.body);
        row.check_answer(&connection.answer(false), id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_and_methods_that_there_are_not() {
    let process = Process::start(&repository::shipped(), &[]);
    let service = &process.service;
    service.ready().await;
    for (number, (method, path, route, code, status)) in [
        ("POST", "/predictions", "unmatched", "not_found", 404),
        ("GET", "/predict", "/predict", "method_not_allowed", 405),
        ("PUT", "/predict", "/predict", "method_not_allowed", 405),
        ("BREW", "/predict", "/predict", "method_not_allowed", 405),
        ("POST", "/models", "/models", "method_not_allowed", 405),
        ("DELETE", "/metrics", "/metrics", "method_not_allowed", 405),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("route-{number}");
        let before = service.metrics().await;
        let mut connection = Connection::open(service);
        connection
            .send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\nx-request-id: {id}\r\ncontent-length: 0\r\n\r\n"));
        let answer = connection.answer(false);
        assert_eq!(answer.status, status, "{method} {path}");
        let body = answer.json();
        assert_eq!((&body["code"], &body["request_id"]), (&code.into(), &id.as_str().into()), "{method} {path}");
        let sentence = body["error"].as_str().unwrap();
        assert!(status == 405 || sentence.contains("POST /predict"), "{sentence}");
        let allowed = if status == 405 { Some(if route == "/predict" { "POST" } else { "GET,HEAD" }) } else { None };
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        let label = if method == "BREW" { "other" } else { method };
        let series = format!("http_requests_total{{method=\"{label}\",route=\"{route}\",status=\"{status}\"}}");
        assert_eq!(service.metrics().await.growth(&before, &[&series]).get(&series), Some(&1.0), "{series}");
        let line = process.log.wait_for("the refusal", |line| line["request_id"] == id.as_str());
        let told = (&line["message"], &line["level"], &line["error_type"], &line["route"]);
        assert_eq!(told, (&"request_refused".into(), &"WARN".into(), &code.into(), &route.into()), "{line}");
    }
}
