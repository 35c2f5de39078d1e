//! The pages: what they show is what the API says, and nothing that senders write becomes a part of them.

use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

/// The most bytes of a page.
const MOST_BYTES: usize = 100_000;
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

on_each_engine! {
    the_figures_are_those_of_the_api,
    without_a_prediction_every_page_says_so,
    what_senders_write_is_text,
    a_filter_that_makes_no_sense_is_told_beside_the_form,
    a_browser_is_led_to_the_pages_and_a_program_is_not,
    pages_lead_to_dashboards_where_there_are_some,
}

async fn page(service: &RunningService, path: &str) -> String {
    let answer = service.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    assert!(answer.text.len() < MOST_BYTES, "{path} has {} bytes", answer.text.len());
    answer.text
}

fn record(number: usize, label: &str) -> Value {
    json!({
        "model": "cats", "version": "1", "request_id": format!("r{number}"), "label": label, "confidence": 0.8,
        "latency_seconds": 0.01, "queue_seconds": 0.002,
        "features": { "age": number % 10, "city": label }, "tags": { "region": "eu" },
    })
}

async fn the_figures_are_those_of_the_api(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&(0..1_200).map(|number| record(number, ["cat", "dog"][number % 2])).collect::<Vec<_>>()).await;
    service.store(&[json!({ "model": "cats", "status": "error", "error_type": "internal" })]).await;
    let labels: Vec<Value> =
        (0..200).map(|number| json!({ "request_id": format!("r{number}"), "label": "cat" })).collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    assert_eq!(service.post("/drift/reference", &json!({ "model": "cats" })).await.status, 200);

    let stats = service.get("/stats?window=24h").await.json();
    assert_eq!((&stats["total"]["predictions"], &stats["total"]["errors"]), (&json!(1_201), &json!(1)));
    let overview = page(&service, "/ui").await;
    assert!(overview.contains("<b>1,201</b>predictions") && overview.contains("1 failed"), "{overview}");
    assert!(overview.contains("Nothing is known to be wrong."), "{overview}");

    let quality = service.get("/quality?window=24h").await.json();
    let quality = &quality["models"][0]["quality"];
    assert_eq!((&quality["accuracy"], &quality["labelled"]), (&json!(0.5), &json!(200)));
    let shown = page(&service, "/ui/quality").await;
    // Wilson's interval of 100 right ones of 200, as scipy.stats.binomtest has it.
    assert!(shown.contains("<b>50.0 %</b>accuracy, 95 %: 43.1 % – 56.9 %"), "{shown}");
    assert!(shown.contains("<b>200</b>labelled") && shown.contains("Predicted (columns)"), "{shown}");

    let drift = service.get("/drift?window=24h").await.json();
    let drift = &drift["models"][0]["drift"];
    assert_eq!(drift["verdict"], "none");
    let shown = page(&service, "/ui/drift").await;
    assert!(shown.contains("No drift") && shown.contains("n = 1,200"), "{shown}");
    let features = drift["features"].as_array().unwrap();
    assert!(features.len() >= 4);
    for feature in features {
        assert!(shown.contains(&format!("<th scope=\"row\">{}</th>", feature["feature"].as_str().unwrap())));
    }

    for path in ["/ui/quality", "/ui/drift"] {
        let of_range = page(&service, &format!("{path}?since=2000-01-01T00:00:00Z&until=2100-01-01T00:00:00Z")).await;
        assert!(of_range.contains("<b>2000-01-01T00:00:00Z</b>") && of_range.contains("cats"), "{of_range}");
        let before = page(&service, &format!("{path}?until=2000-01-01T00:00:00Z&model=cats")).await;
        assert!(before.contains("No predictions in this window.") && before.contains("all models"), "{before}");
    }

    let listed = service.get("/predictions?limit=50&label=cat").await.json();
    let shown = page(&service, "/ui/predictions?label=cat&version=").await;
    for prediction in listed["predictions"].as_array().unwrap() {
        assert!(shown.contains(prediction["event_id"].as_str().unwrap()), "{prediction}");
    }
    assert!(shown.contains(listed["next_cursor"].as_str().unwrap()));
    let event_id = listed["predictions"][0]["event_id"].as_str().unwrap();
    let one = page(&service, &format!("/ui/predictions/{event_id}")).await;
    assert!(one.contains("Time: 10.0 ms") && one.contains("<b>2.00 ms</b>") && one.contains("80.0 %"), "{one}");
    service.stop().await;
}

async fn without_a_prediction_every_page_says_so(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for path in ["/ui", "/ui?window=1h", "/ui/quality", "/ui/drift?window=7d"] {
        assert!(page(&service, path).await.contains("No predictions in this window."), "{path}");
    }
    assert!(page(&service, "/ui/predictions").await.contains("No prediction passes the filter"));
    service.stop().await;
}

async fn what_senders_write_is_text(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let hostile = json!({
        "model": "m", "request_id": HOSTILE, "label": HOSTILE, "confidence": 0.5, "top": [{ "label": HOSTILE, "confidence": 0.5 }],
        "features": { HOSTILE: HOSTILE }, "tags": { "region": HOSTILE }, "note": HOSTILE,
    });
    service.store(&vec![hostile.clone(); 60]).await;
    service.store(&[json!({ "model": "m", "status": "error", "error_type": HOSTILE })]).await;
    service.post("/feedback", &json!({ "request_id": HOSTILE, "label": "<b>true</b>" })).await;
    assert_eq!(service.post("/drift/reference", &json!({ "model": "m" })).await.status, 200);
    let listed = service.get("/predictions").await.json();
    let event_id = listed["predictions"][1]["event_id"].as_str().unwrap();
    let asked = pages_query(HOSTILE);
    for path in [
        "/ui".to_owned(),
        "/ui/predictions".to_owned(),
        format!("/ui/predictions?label={asked}&request_id={asked}&tag.region={asked}"),
        format!("/ui/predictions/{event_id}"),
        "/ui/quality".to_owned(),
        "/ui/drift".to_owned(),
        format!("/ui/drift?model={asked}"),
    ] {
        let shown = page(&service, &path).await;
        assert!(!shown.contains("<script>alert") && !shown.contains("<img") && !shown.contains("<b>true"), "{path}");
    }
    assert!(page(&service, "/ui/predictions").await.contains("&lt;script&gt;alert(1)"));
    service.stop().await;
}

/// A text as it stands in a query.
fn pages_query(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn a_filter_that_makes_no_sense_is_told_beside_the_form(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let shown = page(&service, "/ui/predictions?since=2026-03-01T12:30&until=2026-02-01T00:00&model=m").await;
    assert!(shown.contains("exchange them") && shown.contains("value=\"2026-03-01T12:30:00\""), "{shown}");
    for path in ["/ui/quality?window=1y", "/ui/drift?until=x", "/ui?model=m", "/ui?window=1y", "/ui/drift?nodel=m"] {
        let refused = service.get(path).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("invalid_request")), "{path}");
    }
    let tagged = page(&service, "/ui/predictions?tag.region=eu&limit=7&cursor=").await;
    assert!(tagged.contains("<input type=\"hidden\" name=\"tag.region\" value=\"eu\">"), "{tagged}");
    assert!(tagged.contains("name=\"limit\" value=\"7\"") && !tagged.contains("name=\"cursor\""), "{tagged}");
    assert_eq!(service.get("/ui/predictions/x").await.status, 400);
    assert_eq!(service.get("/ui/none.css").await.status, 404);
    for (file, kind) in [("style.css", "text/css"), ("script.js", "text/javascript")] {
        let answer = service.get(&format!("/ui/{file}")).await;
        assert!(answer.status == 200 && answer.header("content-type").unwrap().starts_with(kind), "{file}");
    }
    service.stop().await;
}

async fn a_browser_is_led_to_the_pages_and_a_program_is_not(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let home = service.get("/").await;
    assert_eq!((home.status, &home.json()["pages"], home.header("vary")), (200, &json!("/ui"), Some("accept")));
    let browser = [("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")];
    let led = service.exchange("GET", "/", &browser, "").await;
    assert!(led.status == 200 && led.text.contains("<h1>Overview</h1>"), "{led:?}");
    service.stop().await;
}

async fn pages_lead_to_dashboards_where_there_are_some(fixture: Fixture) {
    let service = fresh(&fixture, &["--grafana-url", "https://grafana.example.org/g/"]).await;
    service.store(&[record(1, "cat")]).await;
    let overview = page(&service, "/ui").await;
    let of_model = "href=\"https://grafana.example.org/g/d/glasshouse-model-quality?var-model=cats\"";
    assert!(overview.contains(of_model), "{overview}");
    let event_id = service.get("/predictions").await.json()["predictions"][0]["event_id"].clone();
    let one = page(&service, &format!("/ui/predictions/{}", event_id.as_str().unwrap())).await;
    assert!(one.contains("/g/d/glasshouse-logs?var-request_id=r1&amp;from="), "{one}");
    service.stop().await;
    let without = fresh(&fixture, &[]).await;
    assert!(!page(&without, "/ui").await.contains("dashboard"));
    without.stop().await;
}
