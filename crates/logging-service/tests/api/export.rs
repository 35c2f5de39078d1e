//! Whole files of predictions, and statistics by interval.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::service::{fresh, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    every_format_has_every_row_and_the_filters_apply,
    statistics_by_interval_add_up,
}

async fn every_format_has_every_row_and_the_filters_apply(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let rows: Vec<Value> = (0..2500)
        .map(|i| json!({ "model": if i % 5 == 0 { "a" } else { "b" }, "label": "x", "confidence": 0.5, "request_id": i.to_string() }))
        .collect();
    service.store(&rows).await;

    let ndjson = service.get("/export").await;
    assert_eq!((ndjson.status, ndjson.header("content-type")), (200, Some("application/x-ndjson")));
    let mut requests: Vec<u32> = ndjson
        .text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["request_id"].as_str().unwrap().parse().unwrap())
        .collect();
    requests.sort_unstable();
    assert!(requests.into_iter().eq(0..2500));

    let csv = service.get("/export?format=csv&model=a").await;
    assert_eq!(csv.text.lines().count(), 501, "a header and a fifth of the rows");
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"predictions.csv\""));
    let packed = reqwest::Client::new().get(format!("http://{}/export?format=csv&model=a", service.address()));
    let packed = packed.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let mut unpacked = String::new();
    GzDecoder::new(&packed.bytes().await.unwrap()[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, csv.text, "packed, it is the same file");
    let parquet = service.get("/export?format=parquet&model=none").await;
    assert_eq!((parquet.status, &parquet.text[..4]), (200, "PAR1"), "an empty file is a file");
    for query in ["format=xlsx", "limit=5", "colour=red"] {
        let refused = service.get(&format!("/export?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.json()["code"], json!("invalid_request"), "{query}");
    }
}

async fn statistics_by_interval_add_up(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let at = |minute: u32| json!({ "model": "m", "label": "x", "confidence": 0.5, "occurred_at": format!("2026-03-01T10:{minute:02}:00Z") });
    service.store(&[at(0), at(5), at(29), at(30), at(59)]).await;
    let answer = service.get("/stats?since=2026-03-01T10:00:00Z&until=2026-03-01T11:00:00Z&interval=30m").await.json();
    let counts: Vec<&Value> =
        answer["intervals"].as_array().unwrap().iter().map(|i| &i["total"]["predictions"]).collect();
    assert_eq!((counts, &answer["total"]["predictions"]), (vec![&json!(3), &json!(2)], &json!(5)));
    for (until, status) in [("08T10:00:00Z", 200), ("08T10:00:00.000001Z", 400)] {
        let week = format!("/stats?since=2026-03-01T10:00:00Z&until=2026-03-{until}&interval=1h");
        assert_eq!(service.get(&week).await.status, status, "168 intervals are the most: {until}");
    }
    service.store(&[smallest()]).await;
    assert_eq!(service.get("/stats?window=15m").await.json()["total"]["predictions"], json!(1));
    for query in
        ["interval=1h", "window=1h&until=2026-03-01T10:00:00Z", "window=5", "window=7d&interval=1s", "window=0h"]
    {
        assert_eq!(service.get(&format!("/stats?{query}")).await.status, 400, "{query}");
    }
}
