//! The scripts of `../shared/cases` that send what the log once took amiss, run as they are against the program.
//!
//! Rule of thumb: what they send stands in tables elsewhere, on both engines; here the very scripts run. `GLASSHOUSE_SHARED`
//! names another place for them, and a line says where they are absent.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    a_revision_costs_the_same_however_many_came_before,
    names_that_nobody_knows_do_not_displace_a_model,
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_logging-service");

/// Where a script sleeps until its service answers or has evaluated, it waits for just that. The sixteen seconds until a row
/// is old are waited until it is deleted.
const SLEEP: &str = r#"
ready() { command curl -sf -o /dev/null "$U/health/ready"; }
deleted() { command curl -s "$U/metrics" | grep -q 'deleted_total{reason="age"} 1$'; }
sleep() { if [ "$1" = 16 ]; then until deleted; do command sleep 0.1; done; else until ready; do command sleep 0.05; done; fi; }
export -f ready deleted sleep
exec bash "$@"
"#;

/// A file among the cases; or a line that says that it is skipped.
fn case(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("GLASSHOUSE_SHARED").map_or_else(beside, PathBuf::from);
    let file = shared.join("cases").join(name);
    if file.is_file() {
        return Some(file);
    }
    let sentence = format!("SKIPPED: {} is not there, so it is not run\n", file.display());
    let _ = std::io::stderr().write_all(sentence.as_bytes());
    None
}

/// A port that was free just now. The scripts ask for one by its number.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a script of the shell writes.
fn said(name: &str) -> Option<String> {
    let script = case(name)?;
    let port = free_port().to_string();
    let mut bash = Command::new("bash");
    bash.args(["-c", SLEEP, "bash"]).arg(&script).args([PROGRAM, &port]);
    let output = bash.stdin(Stdio::null()).output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Every JSON value of a text, one after the other, whatever stands between them.
fn values(text: &str) -> Vec<Value> {
    let values = |line: &str| -> Vec<Value> {
        let start = line.find('{').unwrap_or(line.len());
        serde_json::Deserializer::from_str(&line[start..]).into_iter().map_while(Result::ok).collect()
    };
    text.lines().flat_map(values).collect()
}

/// The part of the output that begins with this number.
fn part(output: &str, number: u32) -> &str {
    let begin = output.find(&format!("\n{number}. ")).map_or(0, |place| place + 1);
    let rest = &output[begin..];
    rest.find(&format!("\n{}. ", number + 1)).map_or(rest, |end| &rest[..end])
}

#[test]
fn labels_and_events_are_taken_as_they_are_meant() {
    let Some(output) = said("log/labels-and-events.sh") else { return };
    let batch = values(part(&output, 1));
    assert_eq!((&batch[0]["accepted"], &batch[0]["predictions"]), (&json!(2), &json!(2)), "{output}");
    assert_eq!(batch[0]["refused"][0]["index"], json!(2), "{output}");
    assert_eq!(batch[1]["predictions"].as_array().unwrap().len(), 2, "{output}");

    let house = part(&output, 2);
    assert!(house.contains(r#""labelled":1"#) && house.contains(r#""mae":0.0"#), "{output}");
    assert!(!house.contains("accuracy\":") && house.contains(r#""classes":[]"#), "{output}");

    let unsure = part(&output, 3);
    assert!(unsure.contains(r#"{"accepted":2,"duplicates":0}"#), "{output}");
    assert!(!unsure.contains(r#""calibration_error":"#), "{output}");

    let failed = &values(part(&output, 4))[0];
    assert_eq!((&failed["accepted"], &failed["predictions"]), (&json!(1), &json!(1)), "{output}");
    assert!(part(&output, 5).contains(r#"{"accepted":1,"duplicates":0} 200"#), "{output}");
    let ranges = part(&output, 6);
    for (range, predictions) in
        [("00:01:00Z\",\"until\":\"2026-11-27T00:04:00Z", 1), ("00:02:00Z\",\"until\":\"2026-11-27T00:07:00Z", 2)]
    {
        let whole =
            format!("\"since\":\"2026-11-27T{range}\",\"errors\":0,\"quality\":{{\"predictions\":{predictions},");
        assert!(ranges.contains(&whole), "{whole} in {output}");
    }
}

#[test]
fn a_label_is_taken_back_only_where_it_was_counted() {
    let Some(output) = said("log/retention-relabel.sh") else { return };
    let answers = values(&output);
    let quality = |window: usize| {
        let quality = &answers[window]["models"][0]["quality"];
        json!([quality["predictions"], quality["labelled"], quality["accuracy"]])
    };
    // The old prediction is wrong now, and the young one right.
    assert_eq!([quality(3), quality(4)], [json!([2, 2, 0.5]), json!([1, 1, 1.0])], "{output}");
    assert!(output.contains(", 0 problems"), "{output}");
}

/// What a script of Python writes that is sent against a service.
async fn attack(service: &RunningService, script: PathBuf, arguments: &[String]) -> String {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut python = Command::new("python3");
    python.arg(script).arg(service.address().port().to_string()).args(arguments).env("REPO", repository);
    let output = tokio::task::spawn_blocking(move || python.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Ten thousand revisions of one label. With each looked at again for each, the last thousand took half a minute.
async fn a_revision_costs_the_same_however_many_came_before(fixture: Fixture) {
    let Some(script) = case("attack/labels.py") else { return };
    let service = fresh(&fixture, &[]).await;
    let process = std::process::id().to_string();
    let said = attack(&service, script, &[process, "10".to_owned()]).await;
    let batches: Vec<f64> = said
        .lines()
        .filter_map(|line| line.split_once("took ").filter(|_| line.contains(r#" 200 b'{"accepted":1000,"#)))
        .map(|(_, rest)| rest.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(batches.len(), 10, "{said}");
    assert!(batches[9] < 5.0, "the last thousand took {} s: {said}", batches[9]);
    assert!(said.contains("statuses {200: "), "others were kept out: {said}");
    let quality = service.get("/quality?model=m&window=1h").await.json()["models"][0]["quality"].clone();
    assert_eq!((&quality["labelled"], &quality["accuracy"]), (&json!(1), &json!(1.0)));
}

async fn names_that_nobody_knows_do_not_displace_a_model(fixture: Fixture) {
    let Some(script) = case("attack/card.py") else { return };
    let service = fresh(&fixture, &["--evaluate-seconds", "0.05"]).await;
    let said = attack(&service, script, &[]).await;
    assert!(said.contains("real (200"), "{said}");
    service
        .metrics_until("the model is judged under its name", |metrics| {
            metrics.find("logging_window_predictions{model=\"cifar10\",window=\"1h\"}") == Some(50.0)
                && metrics.find("logging_accuracy{model=\"cifar10\",window=\"1h\"}") == Some(0.0)
        })
        .await;
    assert!(service.metrics().await.of("logging_predictions_total{").len() <= 101, "{said}");
}
