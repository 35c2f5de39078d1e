//! Pages about ranges: over time, compared, as a report, as a file. Their figures are those of the API.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    intervals_add_up_to_their_window,
    pages_show_a_model_over_time,
    two_days_are_compared,
    a_report_is_one_file_with_the_same_figures,
    what_is_stored_can_be_seen_and_exported,
}

/// The hour that began so many hours ago, which is whole.
fn hour(ago: i64) -> Timestamp {
    let now = Timestamp::now().as_second();
    Timestamp::from_second((now / 3600 - ago) * 3600).unwrap()
}

/// Predictions of the last 48 hours, 20 each hour, and their labels: of yesterday 4 of 5 are right, of today half of them.
async fn two_days(service: &RunningService) {
    let (mut records, mut labels) = (Vec::new(), Vec::new());
    for ago in 1..=48 {
        for number in 0..20 {
            let request = format!("r{ago}-{number}");
            let time = hour(ago) + SignedDuration::from_secs(number * 60);
            let is_right = if ago > 24 { number % 5 > 0 } else { number % 2 > 0 };
            records.push(json!({ "model": "cats", "model_sha256": "ab".repeat(32), "request_id": request, "occurred_at": time, "label": "cat",
                "confidence": 0.8, "latency_seconds": 0.01, "features": { "age": if ago > 24 { number } else { number + 30 } } }));
            labels.push(json!({ "request_id": request, "label": if is_right { "cat" } else { "dog" } }));
        }
    }
    service.store(&records).await;
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    let (since, until) = (hour(48), hour(24));
    let reference = json!({ "model": "cats", "since": since, "until": until });
    assert_eq!(service.post("/drift/reference", &reference).await.status, 200);
}

async fn page(service: &RunningService, path: &str) -> String {
    let answer = service.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert!(answer.text.len() < 100_000, "{path} has {} bytes", answer.text.len());
    answer.text
}

fn sum(intervals: &Value, of: &str, what: &str) -> u64 {
    let models = intervals.as_array().unwrap().iter().flat_map(|interval| interval["models"].as_array().unwrap());
    models.map(|model| model[of][what].as_u64().unwrap()).sum()
}

async fn intervals_add_up_to_their_window(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    two_days(&service).await;
    let range = format!("model=cats&since={}&until={}", hour(48), hour(0));
    for (interval, expected) in [("1h", 48), ("2h", 25), ("1d", 3), ("50m", 58)] {
        let quality = service.get(&format!("/quality?{range}&interval={interval}")).await.json();
        let intervals = &quality["intervals"];
        let count = intervals.as_array().unwrap().len();
        // How many it takes depends on where the range begins.
        assert!((expected - 1..=expected + 1).contains(&count), "{interval}: {count}");
        assert_eq!(sum(intervals, "quality", "labelled"), 960, "{interval}");
        assert_eq!(quality["models"][0]["quality"]["labelled"], 960);
        let drift = service.get(&format!("/drift?{range}&interval={interval}")).await.json();
        assert_eq!(sum(&drift["intervals"], "drift", "samples"), 960, "{interval}");
    }
    let quality = service.get(&format!("/quality?{range}&interval=1h")).await.json();
    for (number, interval) in quality["intervals"].as_array().unwrap().iter().enumerate() {
        let (since, expected) = (hour(48 - number as i64).to_string(), if number < 24 { 0.8 } else { 0.5 });
        assert_eq!(interval["since"], json!(since));
        assert_eq!(interval["models"][0]["quality"]["accuracy"], json!(expected), "{interval}");
    }
    for (asked, sentence) in [
        ("interval=1h", "interval needs model"),
        ("model=cats&interval=7m", "multiple of 5m"),
        ("model=cats&interval=0h", "length of time"),
        ("model=cats&interval=1y", "length of time"),
        ("model=cats&since=2000-01-01T00:00:00Z&interval=1h", "more than 60"),
    ] {
        for path in ["/quality", "/drift"] {
            let refused = service.get(&format!("{path}?{asked}")).await;
            assert!(refused.status == 400 && refused.text.contains(sentence), "{path} {asked}: {refused:?}");
        }
    }
    assert_eq!(service.get("/quality").await.json().get("intervals"), None);
    service.stop().await;
}

async fn pages_show_a_model_over_time(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    two_days(&service).await;
    let all = page(&service, "/ui/quality?window=7d").await;
    assert!(all.contains("Over time</a>") && !all.contains("Accuracy over time"), "{all}");
    let quality = page(&service, "/ui/quality?window=7d&model=cats").await;
    assert!(
        quality.contains("Accuracy over time, of 960 labelled predictions") && quality.contains("<svg"),
        "{quality}"
    );
    let drift = page(&service, "/ui/drift?window=7d&model=cats").await;
    assert!(drift.contains("age over time: PSI"), "{drift}");
    for range in
        [format!("since={}&until={}", hour(40), hour(3)), format!("since={}", hour(40)), format!("until={}", hour(3))]
    {
        let shown = page(&service, &format!("/ui/quality?model=cats&{range}")).await;
        assert_eq!(shown.contains("Accuracy over time"), range.contains("since"), "{range}");
    }
    let ages = page(&service, "/ui/quality?model=cats&since=0001-01-01T00:00:00Z&until=9999-01-01T00:00:00Z").await;
    assert!(ages.contains("Accuracy over time"), "{ages}");
    assert_eq!(service.get("/ui/quality?model=cats&interval=7m").await.status, 400);
    service.stop().await;
}

async fn two_days_are_compared(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    two_days(&service).await;
    assert!(page(&service, "/ui/compare").await.contains("Name a model."));
    assert!(page(&service, "/ui/compare?model=dogs").await.contains("No predictions of <b>dogs</b>"));
    let ranges = format!("model=cats&since={}&until={}", hour(24), hour(0));
    let shown = page(&service, &format!("/ui/compare?{ranges}")).await;
    for expected in
        ["<td>80.0 %</td><td>50.0 %</td>", "-30.0 points", "worse", "age: has drifted", "chance explains it"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let turned =
        format!("model=cats&since={}&until={}&than_since={}&than_until={}", hour(48), hour(24), hour(24), hour(0));
    let shown = page(&service, &format!("/ui/compare?{turned}")).await;
    assert!(shown.contains("+30.0 points") && shown.contains("better"), "{shown}");
    let same = page(&service, &format!("/ui/compare?{ranges}&than_file=abab")).await;
    assert!(same.contains("<td>50.0 %</td><td>50.0 %</td>") && same.contains("+0.0 points"), "{same}");
    assert!(page(&service, &format!("/ui/compare?{ranges}&file=cd")).await.contains("No predictions of"));
    for wrong in
        ["model=cats&since=x", "model=cats&nodel=a", "model=cats&since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z"]
    {
        assert_eq!(service.get(&format!("/ui/compare?{wrong}")).await.status, 400, "{wrong}");
    }
    service.stop().await;
}

async fn a_report_is_one_file_with_the_same_figures(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    two_days(&service).await;
    service.store(&[json!({ "model": "dogs", "label": "<b>", "features": { "<i>": "<u>" } })]).await;
    assert_eq!(service.post("/drift/reference", &json!({ "model": "dogs" })).await.status, 200);
    assert_eq!(service.get("/ui/report/cats?model=dogs").await.status, 400);
    let answer = service.get("/ui/report/cats?window=7d").await;
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"report-cats.html\""));
    let report = answer.text;
    let stats = service.get("/stats?window=7d").await.json();
    assert_eq!(stats["models"]["cats"]["predictions"], 960);
    for expected in ["<b>960</b>predictions", "<b>65.0 %</b>accuracy", "Accuracy over time", "has drifted", "10.0 ms"] {
        assert!(report.contains(expected), "{expected}: {report}");
    }
    for outside in ["href=", "src=", "<script", "url(", "@import", "<form"] {
        assert!(!report.contains(outside), "{outside}");
    }
    assert!(service.get("/ui/report/none").await.text.contains("No predictions in this range."));
    let hostile = service.get("/ui/report/dogs?window=1h").await.text;
    assert!(hostile.contains("&lt;i&gt;") && !hostile.contains("<i>") && !hostile.contains("<u>"), "{hostile}");
    service.stop().await;
}

async fn what_is_stored_can_be_seen_and_exported(fixture: Fixture) {
    let service = fresh(&fixture, &["--retention-days", "400"]).await;
    let empty = page(&service, "/ui/data").await;
    assert!(empty.contains("<b>0</b>predictions") && empty.contains("No prediction passes the filter."), "{empty}");
    two_days(&service).await;
    let shown = page(&service, "/ui/data?model=cats&since=2000-01-01T00:00&format=ndjson&version=&tag.region=").await;
    for expected in
        ["<b>960</b>predictions in the database", "400 days", "Download as ndjson", "5 predictions, the newest of them"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let (_, link) = shown.split_once("href=\"../export").unwrap();
    let link = link.split_once('"').unwrap().0.replace("&amp;", "&");
    let file = service.get(&format!("/export{link}")).await;
    assert_eq!((file.status, file.text.lines().count()), (200, 960), "{link}");
    assert!(page(&service, "/ui/data?since=2026-03-02T00:00&until=2026-03-01T00:00").await.contains("exchange them"));
    service.stop().await;
}
