//! Sums over days are those of the rows, whatever came late, was labelled again or was deleted.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    sums_of_days_are_those_of_rows_that_come_late_and_of_revised_labels,
    retention_inside_of_a_day_takes_nothing_from_its_counts,
}

/// Days over which rows are spread.
const DAYS: i64 = 5;
const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

/// A prediction as the test knows it: its time in seconds after the first day, and whether it was right, once that is known.
struct KnownRow {
    second: i64,
    is_right: Option<bool>,
}

fn beginning() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn at(second: i64) -> String {
    (beginning() + SignedDuration::from_secs(second)).to_string()
}

/// A time that often lies at a boundary of five minutes or of a day.
fn second(rng: &mut Rng) -> i64 {
    let near = [-1, 0, 1, rng.i64(0..300)][rng.usize(0..4)];
    match rng.u8(0..3) {
        0 => rng.i64(1..DAYS) * DAY + near,
        1 => rng.i64(1..DAYS * 288 - 1) * 5 * MINUTE + near,
        _ => rng.i64(0..DAYS * DAY),
    }
}

async fn sums_of_days_are_those_of_rows_that_come_late_and_of_revised_labels(fixture: Fixture) {
    // The upkeep merges all the time.
    let service = fresh(&fixture, &["--evaluate-seconds", "0.02"]).await;
    let declared = json!({ "tags": { "region": ["eu", "us"] } });
    assert_eq!(service.put("/models/m", &declared).await.status, 200);
    let seed = Timestamp::now().as_microsecond().unsigned_abs();
    let mut rng = Rng::with_seed(seed);
    let mut rows = Vec::<KnownRow>::new();
    for revision in 0..8 {
        let new: Vec<KnownRow> = (0..40).map(|_| KnownRow { second: second(&mut rng), is_right: None }).collect();
        let records: Vec<Value> = (rows.len()..)
            .zip(&new)
            .map(|(number, row)| {
                json!({ "model": "m", "label": "cat", "confidence": 0.5, "request_id": format!("r{number}"),
                    "occurred_at": at(row.second), "tags": { "region": region(number) } })
            })
            .collect();
        service.store(&records).await;
        rows.extend(new);
        let mut labelled = BTreeMap::new();
        for _ in 0..30 {
            labelled.insert(rng.usize(0..rows.len()), rng.bool());
        }
        let labels: Vec<Value> = labelled
            .iter()
            .map(|(number, is_right)| {
                rows[*number].is_right = Some(*is_right);
                let label = if *is_right { "cat" } else { "dog" };
                json!({ "request_id": format!("r{number}"), "label": label, "revision": revision })
            })
            .collect();
        assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
        assert_sums(&service, &rows, &mut rng, seed).await;
    }
    let left = "SELECT (SELECT count(*) FROM day_parts) + (SELECT count(*) FROM window_parts)";
    service.metrics_until("all parts are merged", |_| fixture.number(left) == 0).await;
    assert_sums(&service, &rows, &mut rng, seed).await;
    assert_no_problems(&fixture);
    // What is counted of a day is held against its five minutes.
    fixture.execute(&format!("DELETE FROM day_counts WHERE bucket = {}", beginning().as_microsecond()));
    let found = check(&fixture);
    assert!(found.contains("are counted of this day"), "{found}");
}

fn region(number: usize) -> &'static str {
    ["eu", "us", "mars"][number % 3]
}

/// Asks about ranges, whole days among them, and counts what is expected.
async fn assert_sums(service: &RunningService, rows: &[KnownRow], rng: &mut Rng, seed: u64) {
    let mut ranges = vec![(0, DAYS * DAY), (DAY, 3 * DAY), (-400 * DAY, 400 * DAY)];
    for _ in 0..6 {
        let ends = [second(rng), second(rng)];
        ranges.push((ends[0].min(ends[1]), ends[0].max(ends[1]) + 1));
    }
    for (since, until) in ranges {
        let range = format!("model=m&since={}&until={}", at(since), at(until));
        let within = |(_, row): &(usize, &KnownRow)| (since..until).contains(&row.second);
        let expected = expected(rows.iter().enumerate().filter(within).map(|(_, row)| row));
        let answer = service.get(&format!("/quality?{range}")).await.json();
        assert_eq!(counted(&answer), expected, "{since} to {until}, seed {seed}");
        // Segments are counted in whole five minutes.
        let whole = (since.div_euclid(300) * 300)..((until + 299).div_euclid(300) * 300);
        let of_segment = |(number, row): &(usize, &KnownRow)| region(*number) == "eu" && whole.contains(&row.second);
        let expected = self::expected(rows.iter().enumerate().filter(of_segment).map(|(_, row)| row));
        let answer = service.get(&format!("/quality?{range}&tag.region=eu")).await.json();
        assert_eq!(counted(&answer), expected, "{since} to {until} of a segment, seed {seed}");
    }
}

/// Predictions, labels, and right ones.
fn expected<'r>(rows: impl Iterator<Item = &'r KnownRow>) -> [u64; 3] {
    rows.fold([0; 3], |[all, labelled, right], row| {
        [all + 1, labelled + u64::from(row.is_right.is_some()), right + u64::from(row.is_right == Some(true))]
    })
}

fn counted(answer: &Value) -> [u64; 3] {
    let quality = &answer["models"][0]["quality"];
    let [all, labelled] = ["predictions", "labelled"].map(|name| quality[name].as_u64().unwrap_or_default());
    let right = quality["accuracy"].as_f64().unwrap_or_default() * labelled as f64;
    [all, labelled, right.round() as u64]
}

async fn retention_inside_of_a_day_takes_nothing_from_its_counts(fixture: Fixture) {
    let now = Timestamp::now();
    let time = |hours: i64| (now - SignedDuration::from_hours(hours)).to_string();
    let begin = |days: i64| Timestamp::from_second((now.as_second() / DAY - days) * DAY).unwrap();
    let service = fresh(&fixture, &[]).await;
    // Each hour of three days, in the middle of which everything before will go.
    let row = |hours: i64| json!({ "model": "m", "label": "x", "confidence": 0.5, "occurred_at": time(hours) });
    service.store(&(28 * 24..32 * 24).map(row).collect::<Vec<_>>()).await;
    service.store(&[smallest()]).await;
    let path = format!("/quality?model=m&since={}&until={}", begin(31), begin(29));
    let before = service.get(&path).await.json();
    assert_eq!(counted(&before)[0], 48);
    service.stop().await;
    let service = RunningService::start(&fixture, &["--retention-days", "30", "--evaluate-seconds", "0.05"]).await;
    service.metrics_until("they are gone", |m| m.get("logging_retention_deleted_total{reason=\"age\"}") >= 47.0).await;
    assert_eq!(service.get(&path).await.json(), before);
    assert_no_problems(&fixture);
}

fn assert_no_problems(fixture: &Fixture) {
    let found = check(fixture);
    assert!(found.ends_with(" 0 problems\n"), "{found}");
}

fn check(fixture: &Fixture) -> String {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_logging-service"));
    let output = program.args(["--database", &fixture.flag(), "check"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
