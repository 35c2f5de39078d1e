//! Predictions and labels out of files: what was exported comes back equal, and what is imported twice is stored once.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::command::{Desk, gzip};
use crate::service::{PATIENCE, RunningService, fresh};
use crate::store_support::{Fixture, apart, on_each_engine};

on_each_engine! {
    an_export_imports_again_in_every_format,
    rows_without_ids_are_stored_once,
    refused_rows_keep_no_other_out,
    the_truth_of_a_row_is_its_label,
    the_truth_of_a_regression_is_a_number,
    labels_are_imported_once,
    an_import_that_was_killed_is_run_again,
}

/// Where to, as flags.
fn into(fixture: &Fixture) -> [String; 2] {
    ["--database".to_owned(), fixture.flag()]
}

pub(crate) fn import(desk: &Desk, fixture: &Fixture, words: &[&str]) -> crate::command::Said {
    let [flag, database] = into(fixture);
    let words = [&[&flag, &database, "import", "--into-database"], words].concat();
    apart(|| desk.run(&words))
}

pub(crate) fn imported(desk: &Desk, fixture: &Fixture, words: &[&str]) -> String {
    let said = import(desk, fixture, words);
    assert_eq!(said.code, 0, "{words:?}: {said:?}");
    said.out
}

/// Every prediction, without what the store says of itself.
async fn all(service: &RunningService) -> Vec<Value> {
    let mut predictions = service.predictions("?limit=1000").await;
    for prediction in &mut predictions {
        assert!(prediction.as_object_mut().unwrap().remove("recorded_at").is_some());
    }
    predictions
}

fn varied() -> Vec<Value> {
    vec![
        json!({
            "event_id": "01a204b7-5bcf-7210-9e53-fceee37a8b25", "request_id": "visit-1", "row_index": 3, "model": "cifar10",
            "version": "2", "model_sha256": "a".repeat(64), "variant": "canary", "label": "NA", "class": 4, "confidence": 0.1,
            "defect": true, "top": [{ "label": "NA", "class": 4, "confidence": 0.1 }], "latency_seconds": 1e-7,
            "trace_id": "a".repeat(32), "span_id": "b".repeat(16), "input_sha256": "c".repeat(64), "schema_version": 4,
            "input": { "width": 32, "height": 32, "brightness": 0.25, "contrast": 0.1, "sharpness": 0.01, "mean": [0.1, 0.2, 0.3],
                "std": [0.1, 0.1, 0.1] },
            "features": { "age": 42, "city": "Köln, \"am Rhein\"", "income": null, "zip": "01234" }, "tags": { "region": "eu" },
            "occurred_at": "2026-03-01T10:00:00.123456Z", "note": "=1+1", "nested": { "a": [1, 2.5, null] }, "none": null,
        }),
        json!({ "model": "price", "task": "regression", "value": -12.5, "occurred_at": "2026-03-01T10:06:00Z" }),
        json!({ "model": "raw", "task": "raw", "occurred_at": "2026-03-01T10:07:00Z" }),
        json!({ "model": "cifar10", "status": "error", "error_type": "timeout", "items": 3, "occurred_at": "2026-03-01T10:01:00Z" }),
        json!({ "model": "cifar10", "label": "1", "occurred_at": "2026-03-01T10:01:01Z" }),
    ]
}

async fn an_export_imports_again_in_every_format(fixture: Fixture) {
    let source = fresh(&fixture, &[]).await;
    source.store(&varied()).await;
    let rows = all(&source).await;
    let range = json!({ "model": "cifar10", "since": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z" });
    let counts = source.post("/drift/reference", &range).await.json()["counts"].clone();
    assert_eq!(counts["n"], 1);
    for format in ["ndjson", "csv", "parquet"] {
        let desk = Desk::new();
        let url = format!("http://{}/export?format={format}", source.address());
        let file = reqwest::get(url).await.unwrap().bytes().await.unwrap();
        let name = format!("rows.{format}");
        desk.put(&name, if format == "csv" { gzip(&file) } else { file.to_vec() });
        let other = fixture.another();
        // A class is called NA there, which CSV does not tell from a cell without a label.
        let words = if format == "csv" { vec![&*name, "--missing", ""] } else { vec![&*name] };
        assert_eq!(
            imported(&desk, &other, &words),
            "predictions: 5 accepted, 0 duplicates; labels: 0 accepted, 0 duplicates; 0 rows refused\n"
        );
        assert!(imported(&desk, &other, &words).starts_with("predictions: 0 accepted, 5 duplicates;"));
        let target = fresh(&other, &[]).await;
        assert_eq!(all(&target).await, rows, "{format}");
        assert_eq!(target.post("/drift/reference", &range).await.json()["counts"], counts, "{format}");
    }
}

const SCORED: &str = "visit,age,city,answer,score,at,right\n\
    1,42,Paris,yes,0.9,2026-03-01 10:00:00,yes\n\
    2,,Rome,no,0.75,2026-03-01 10:00:01,yes\n\
    3,65,NA,yes,0.5,2026-03-01 10:00:02,\n";
const COLUMNS: [&str; 6] =
    ["--model", "credit", "--map", "answer=label,score=confidence,at=occurred_at", "--features", "age,city"];

async fn rows_without_ids_are_stored_once(fixture: Fixture) {
    let desk = Desk::new();
    desk.put("a.csv", SCORED);
    desk.put("again.csv", SCORED);
    desk.put("more.csv", format!("{SCORED}4,1,Rome,no,0.8,2026-03-01 10:00:03,no\n"));
    let without = [&COLUMNS[..], &["--without", "visit,right"]].concat();
    assert!(imported(&desk, &fixture, &[&["a.csv"], &without[..]].concat()).starts_with("predictions: 3 accepted, 0"));
    assert!(
        imported(&desk, &fixture, &[&["again.csv"], &without[..]].concat()).starts_with("predictions: 0 accepted, 3")
    );
    let keyed = [&COLUMNS[..], &["--without", "right", "--key", "visit"]].concat();
    let other = fixture.another();
    let service = fresh(&other, &[]).await;
    let url = format!("http://{}", service.address());
    let send = |file: &'static str| desk.done(&[&["import", "--to", &url, file], &keyed[..]].concat()).out;
    assert!(send("a.csv").starts_with("predictions: 3 accepted, 0 duplicates"));
    assert!(send("more.csv").starts_with("predictions: 1 accepted, 3 duplicates"), "a file that has grown");
    let rows = all(&service).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[1]["features"], json!({ "age": 65.0, "city": null }));
    assert_eq!(rows[2]["features"], json!({ "age": null, "city": "Rome" }));
    assert_eq!((&rows[3]["occurred_at"], &rows[3]["confidence"]), (&json!("2026-03-01T10:00:00Z"), &json!(0.9)));
}

async fn refused_rows_keep_no_other_out(fixture: Fixture) {
    let desk = Desk::new();
    let lines = [
        r#"{"model": "m", "label": "a", "confidence": 0.5, "occurred_at": "2026-03-01T10:00:00Z"}"#,
        r#"{"model": "m", "label": "a", "confidence": 1.5, "occurred_at": "2026-03-01T10:00:00Z"}"#,
        r#"{"model": "m", "label": "a", "confidence": "#,
        r#"{"model": "m", "label": "a"}"#,
        r#"{"label": "a", "occurred_at": "2026-03-01T10:00:00Z"}"#,
        r#"{"model": "m", "confidence": 0.5, "occurred_at": "2026-03-01T10:00:00Z"}"#,
        r#"{"model": "m", "label": "a", "row_index": 1.5, "occurred_at": "2026-03-01T10:00:00Z"}"#,
        r#"{"model": "m", "label": 1, "row_index": 4120.0, "occurred_at": "2026-03-01T10:00:00Z"}"#,
    ];
    desk.put("rows.ndjson", lines.join("\n"));
    let said = import(&desk, &fixture, &["rows.ndjson", "--refused", "refused.ndjson"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("predictions: 2 accepted, 0 duplicates") && said.out.contains("6 rows refused"),
        "{said:?}"
    );
    let refused = std::fs::read_to_string(desk.path("refused.ndjson")).unwrap();
    let refused: Vec<Value> = refused.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows: Vec<_> = refused.iter().map(|refused| refused["row"].as_u64().unwrap()).collect();
    assert_eq!(rows, [2, 3, 4, 5, 6, 7]);
    for (refused, says) in refused.iter().zip([
        "confidence must be between 0 and 1",
        "it is no JSON object",
        "occurred_at is missing; --map names its column, --at",
        "model is missing; --model",
        "label is missing",
        "column row_index holds 1.5, and a whole number is expected",
    ]) {
        let problem = refused["problem"].as_str().unwrap();
        assert!(problem.contains(says) && said.err.contains(says), "{problem}: {said:?}");
    }
    let service = fresh(&fixture, &[]).await;
    assert_eq!(all(&service).await.iter().map(|row| row["row_index"].as_u64().unwrap()).collect::<Vec<_>>(), [4120, 0]);
}

async fn the_truth_of_a_row_is_its_label(fixture: Fixture) {
    let desk = Desk::new();
    desk.put("a.csv", SCORED);
    let words = [&["a.csv", "--truth", "right", "--key", "visit"], &COLUMNS[..]].concat();
    let said = imported(&desk, &fixture, &words);
    assert!(said.starts_with("predictions: 3 accepted, 0 duplicates; labels: 2 accepted, 0 duplicates"), "{said}");
    let said = imported(&desk, &fixture, &words);
    assert!(said.starts_with("predictions: 0 accepted, 3 duplicates; labels: 0 accepted, 2 duplicates"), "{said}");
    let service = fresh(&fixture, &[]).await;
    let quality = service.get("/quality?model=credit&since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z").await.text;
    assert!(quality.contains("\"labelled\":2") && quality.contains("\"accuracy\":0.5"), "{quality}");
}

async fn the_truth_of_a_regression_is_a_number(fixture: Fixture) {
    let desk = Desk::new();
    desk.put("a.csv", "id,price,paid,at\n1,10.0,12.0,2026-03-01\n2,20.5,20.5,2026-03-01\n3,7,,2026-03-01\n");
    let map = "price=value,at=occurred_at,id=request_id";
    let said = imported(&desk, &fixture, &["a.csv", "--model", "price", "--map", map, "--truth", "paid"]);
    assert!(said.starts_with("predictions: 3 accepted, 0 duplicates; labels: 2 accepted"), "{said}");
    let service = fresh(&fixture, &[]).await;
    let range = json!({ "model": "price", "since": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z" });
    let counts = service.post("/drift/reference", &range).await.json()["counts"].clone();
    assert_eq!((&counts["n"], &counts["l"]["n"]), (&json!(3), &json!(2)), "{counts}");
    // The same is counted of the table itself.
    let table = ["a.csv", "--prediction", "price", "--label", "paid", "--task", "regression", "--without", "id,at"];
    let table = desk.profile(&table)["counts"].clone();
    assert_eq!(
        [&table["n"], &table["l"]["n"], &table["y"]],
        [&counts["n"], &counts["l"]["n"], &counts["y"]],
        "{table}"
    );
}

async fn labels_are_imported_once(fixture: Fixture) {
    let desk = Desk::new();
    desk.put(
        "labels.csv",
        "visit,item,truth,known\nv-1,0.0,cat,2026-03-02\nv-1,1.0,7.0,2026-03-02\n,2,dog,2026-03-02\n",
    );
    let words = ["labels.csv", "--labels", "--map", "visit=request_id,item=row_index,truth=label,known=labelled_at"];
    for expected in
        ["labels: 2 accepted, 0 duplicates; 1 rows refused", "labels: 0 accepted, 2 duplicates; 1 rows refused"]
    {
        let said = import(&desk, &fixture, &words);
        assert!(said.code == 3 && said.out.contains(expected), "{said:?}");
        assert!(said.err.contains("row 3 is refused: ") && said.err.contains("request_id"), "{said:?}");
    }
}

async fn an_import_that_was_killed_is_run_again(fixture: Fixture) {
    const ROWS: usize = 20_000;
    let desk = Desk::new();
    let row = |number: usize| format!("a,0.5,2026-03-01T10:{:02}:00Z,{number}\n", number % 60);
    desk.put("rows.csv", format!("label,confidence,occurred_at,age\n{}", (0..ROWS).map(row).collect::<String>()));
    let service = fresh(&fixture, &[]).await;
    let url = format!("http://{}", service.address());
    let words = ["import", "--to", &url, "rows.csv", "--model", "m", "--features", "age"];
    let mut killed = 0;
    for round in 1..=3 {
        let mut child = desk.command(&words).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let begun = std::time::Instant::now();
        // Each round comes further than the one before.
        while fixture.number("SELECT count(*) FROM predictions") < (round * ROWS / 8) as i64
            && child.try_wait().unwrap().is_none()
        {
            assert!(begun.elapsed() < PATIENCE, "the import does not go on");
        }
        // It cannot come to its end meanwhile, however quick it is.
        let lock = fixture.lock();
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        drop(lock);
    }
    assert!(killed > 0 && service.count().await < ROWS as u64, "no import was killed in the middle");
    let said = desk.done(&words);
    let numbers: Vec<usize> =
        said.out.split(|letter: char| !letter.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers[0] + numbers[1], ROWS, "{said:?}");
    assert_eq!(service.count().await, ROWS as u64);
    let range = json!({ "model": "m", "since": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z" });
    let counts = service.post("/drift/reference", &range).await.json()["counts"].clone();
    assert_eq!((&counts["n"], &counts["v"]["age"]["hi"]), (&json!(ROWS), &json!((ROWS - 1) as f64)));
}

#[test]
fn columns_that_mean_nothing_are_refused_before_anything_is_stored() {
    let desk = Desk::new();
    desk.put("a.csv", SCORED);
    let fixture = Fixture::sqlite();
    for (words, says) in [
        (&["a.csv"][..], "columns that are no field of ours: visit,age,city,answer,score,at,right. --map visit=FIELD"),
        (
            &["a.csv", "--map", "answers=label", "--without", "visit,age,city,answer,score,at,right"],
            "there is no column answers",
        ),
        (&["a.csv", "--map", "answers"], "expected THEIRS=OURS"),
        (&["nowhere.csv"], "nowhere.csv: it cannot be opened"),
        (&[], "name the files"),
    ] {
        let said = import(&desk, &fixture, words);
        assert!(said.code != 0 && said.err.contains(says) && said.out.is_empty(), "{words:?}: {said:?}");
    }
    // What came before a broken end is stored, and said to be.
    let cut = &gzip(SCORED.as_bytes())[..60];
    desk.put("cut.csv.gz", cut);
    desk.put("a.ndjson", r#"{"model": "m", "label": "a", "occurred_at": "2026-03-01T10:00:00Z"}"#);
    let said = import(&desk, &fixture, &["a.ndjson", "cut.csv.gz"]);
    assert!(said.code == 1 && said.err.contains("error: before the end, predictions: 1 accepted"), "{said:?}");
    let said = desk.run(&["import", "a.csv"]);
    assert!(said.err.contains("--to http://127.0.0.1:8001 for a running service, or --into-database"), "{said:?}");
}
