//! Labels that people give on the pages, and whose pages may write.

use serde_json::{Value, json};

use crate::service::{RunningService, ServiceAnswer, fresh};
use crate::store_support::{Fixture, on_each_engine};

const FORM: &str = "application/x-www-form-urlencoded";

on_each_engine! {
    the_least_confident_comes_first_and_a_label_counts_at_once,
    a_label_is_told_with_its_prediction_and_can_be_filtered_by,
    what_is_no_label_is_refused_and_stores_nothing,
    no_page_of_another_website_writes,
    a_refusal_is_a_page_for_a_browser_and_json_for_a_program,
}

fn record(number: usize, confidence: f64) -> Value {
    let label = ["cat", "dog"][number % 2];
    json!({ "model": "cats", "request_id": format!("r{number}"), "label": label, "confidence": confidence,
        "top": [{ "label": "cat", "confidence": confidence }, { "label": "dog", "confidence": 1.0 - confidence }] })
}

async fn page(service: &RunningService, path: &str) -> String {
    let answer = service.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.text
}

/// The event id in the form of a page.
fn asked_for(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"event_id\" value=\"").unwrap();
    rest.split_once('"').unwrap().0
}

/// Sends a form as a browser does, and follows where it leads.
async fn give(service: &RunningService, headers: &[(&str, &str)], form: &str) -> ServiceAnswer {
    let headers = [&[("content-type", FORM)], headers].concat();
    service.exchange("POST", "/ui/label", &headers, form.to_owned()).await
}

async fn event_id_of(service: &RunningService, request: &str) -> String {
    let found = service.get(&format!("/predictions?request_id={request}")).await.json();
    found["predictions"][0]["event_id"].as_str().unwrap().to_owned()
}

async fn the_least_confident_comes_first_and_a_label_counts_at_once(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let confidences = [0.9, 0.55, 0.7, 0.95];
    service.store(&confidences.iter().enumerate().map(|(number, at)| record(number, *at)).collect::<Vec<_>>()).await;
    service.store(&[json!({ "model": "cats", "status": "error", "error_type": "internal" })]).await;
    let first = page(&service, "/ui/label?model=cats").await;
    assert_eq!(asked_for(&first), event_id_of(&service, "r1").await);
    assert!(
        first.contains("value=\"cat\" data-key=\"1\"") && first.contains("value=\"dog\" data-key=\"2\""),
        "{first}"
    );
    assert!(first.contains("0 of 4 labelled"), "{first}");
    let skipped = page(&service, "/ui/label?model=cats&skip=1").await;
    assert_eq!(asked_for(&skipped), event_id_of(&service, "r2").await);

    let given = give(&service, &[], &format!("event_id={}&label=cat&back=model%3Dcats", asked_for(&first))).await;
    assert_eq!(given.status, 200, "{given:?}");
    assert!(given.text.contains("Stored: cat.") && given.text.contains("1 of 4 labelled"), "{}", given.text);
    assert!(given.text.contains("<b>0 % right</b>"), "the answer was dog: {}", given.text);
    assert_eq!(asked_for(&given.text), event_id_of(&service, "r2").await);
    let quality = service.get("/quality?model=cats").await.json();
    assert_eq!(
        (&quality["models"][0]["quality"]["labelled"], &quality["models"][0]["quality"]["accuracy"]),
        (&json!(1), &json!(0.0))
    );

    // A hand slipped: back to it, and the correction takes the place of the label.
    let back = page(&service, &format!("/ui/label?event_id={}", asked_for(&first))).await;
    assert!(back.contains("Its label now: <b>cat</b>"), "{back}");
    let corrected = give(&service, &[], &format!("event_id={}&label=dog&back=", asked_for(&first))).await;
    assert!(
        corrected.text.contains("<b>100 % right</b>") && corrected.text.contains("1 of 4 labelled"),
        "{}",
        corrected.text
    );

    for request in ["r0", "r2", "r3"] {
        give(&service, &[], &format!("event_id={}&label=cat", event_id_of(&service, request).await)).await;
    }
    assert!(page(&service, "/ui/label?model=cats").await.contains("No prediction without a label passes the filter."));
    service.stop().await;
}

async fn a_label_is_told_with_its_prediction_and_can_be_filtered_by(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&(0..150).map(|number| record(number, 0.8)).collect::<Vec<_>>()).await;
    let labels: Vec<Value> = (0..140)
        .map(|number| json!({ "request_id": format!("r{number}"), "label": "cat", "source": "rater" }))
        .collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    let listed = service.get("/predictions?limit=1000").await.json();
    for prediction in listed["predictions"].as_array().unwrap() {
        let number: usize = prediction["request_id"].as_str().unwrap()[1..].parse().unwrap();
        let known = &prediction["true_label"];
        let expected = if number < 140 { (json!("cat"), json!("rater")) } else { (Value::Null, Value::Null) };
        assert_eq!((known["label"].clone(), known["source"].clone()), expected, "{prediction}");
    }
    for (asked, expected) in [("true", 140), ("false", 10)] {
        let listed = service.get(&format!("/predictions?limit=1000&model=cats&labelled={asked}")).await.json();
        assert_eq!(listed["predictions"].as_array().unwrap().len(), expected, "{asked}");
        let shown = page(&service, &format!("/ui/predictions?labelled={asked}")).await;
        assert_eq!(shown.matches("<td class=\"n\">").count(), expected.min(50), "{shown}");
    }
    let event_id = event_id_of(&service, "r0").await;
    assert_eq!(service.get(&format!("/predictions/{event_id}")).await.json()["true_label"]["label"], "cat");
    let one = page(&service, &format!("/ui/predictions/{event_id}")).await;
    assert!(one.contains("True label:") && one.contains("from rater") && one.contains("corrects the label"), "{one}");
    let export = service.get("/export?labelled=true").await;
    assert_eq!((export.status, &export.json()["code"]), (400, &json!("invalid_request")));
    assert!(!service.get("/export").await.text.contains("true_label"), "files have the columns that they had");
    service.stop().await;
}

async fn what_is_no_label_is_refused_and_stores_nothing(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&[record(0, 0.8)]).await;
    let event_id = event_id_of(&service, "r0").await;
    let unknown = "01a204b7-5bcf-7210-9e53-fceee37a8b25";
    for (form, status, code) in [
        (format!("event_id={event_id}&label="), 422, "invalid_input"),
        (format!("event_id={event_id}&label=a%00b"), 422, "invalid_input"),
        (format!("event_id={event_id}&label={}", "x".repeat(300)), 422, "invalid_input"),
        (format!("event_id={event_id}&label={}", "x".repeat(20_000)), 413, "too_large"),
        (format!("event_id={event_id}"), 422, "invalid_input"),
        (format!("event_id={event_id}&label=a&more=b"), 422, "invalid_input"),
        ("event_id=x&label=a".to_owned(), 400, "invalid_request"),
        (format!("event_id={unknown}&label=a"), 404, "not_found"),
        (String::new(), 422, "invalid_input"),
    ] {
        let refused = give(&service, &[], &form).await;
        assert_eq!((refused.status, &refused.json()["code"]), (status, &json!(code)), "{form:.80}");
    }
    let others = [
        json!({ "model": "prices", "request_id": "n", "task": "regression", "value": 1.5 }),
        json!({ "model": "cats", "request_id": "f", "status": "error", "error_type": "internal" }),
    ];
    service.store(&others).await;
    for (request, label, status) in
        [("n", "1%2C5", 422), ("n", "abc", 422), ("n", "+1.5+", 200), ("f", "cat", 422), ("r0", "+", 422)]
    {
        let form = format!("event_id={}&label={label}", event_id_of(&service, request).await);
        assert_eq!(give(&service, &[], &form).await.status, status, "{request} {label}");
    }
    let priced = service.get("/predictions?model=prices").await.json();
    assert_eq!(priced["predictions"][0]["true_label"]["label"], "1.5", "{priced}");
    let json = service.post("/ui/label", &json!({ "event_id": event_id, "label": "a" })).await;
    assert_eq!(json.status, 415);
    // Wherever a form says to go on, it goes on here.
    let back =
        give(&service, &[], &format!("event_id={event_id}&label=a&back=%0d%0aset-cookie%3a1%26//evil.example/")).await;
    assert!([200, 400].contains(&back.status) && back.header("set-cookie").is_none(), "{back:?}");
    let labelled = service.get("/quality").await.json();
    assert!(labelled["models"][0]["quality"]["labelled"].as_u64().unwrap() <= 1, "{labelled}");
    service.stop().await;
}

async fn no_page_of_another_website_writes(fixture: Fixture) {
    let service =
        fresh(&fixture, &["--cors-origins", "https://labels.example.org", "--page-hosts", "logs.example.org"]).await;
    service.store(&[record(0, 0.8)]).await;
    let event_id = event_id_of(&service, "r0").await;
    let own = format!("http://{}", service.address());
    let feedback = json!({ "request_id": "r0", "label": "dog" }).to_string();
    let form = format!("event_id={event_id}&label=cat");
    for (headers, is_refused) in [
        (&[][..], false),
        (&[("origin", own.as_str())], false),
        (&[("origin", "https://labels.example.org")], false),
        (&[("origin", "https://logs.example.org"), ("host", "logs.example.org")], false),
        (&[("origin", "https://evil.example")], true),
        (&[("origin", "http://evil.example"), ("host", "evil.example")], true),
        (&[("origin", "null")], true),
        (&[("sec-fetch-site", "cross-site")], true),
    ] {
        let as_json = [headers, &[("content-type", "application/json")]].concat();
        for answer in [
            give(&service, headers, &form).await,
            service.exchange("POST", "/feedback", &as_json, feedback.clone()).await,
        ] {
            let expected = if is_refused { 403 } else { 200 };
            assert_eq!(answer.status, expected, "{headers:?}: {answer:?}");
            assert!(!is_refused || answer.json()["code"] == "forbidden", "{answer:?}");
        }
        let removed = service.exchange("DELETE", "/models/none", headers, "").await;
        assert_eq!(removed.status == 403, is_refused, "{headers:?}: {removed:?}");
        assert_eq!(
            service.exchange("GET", "/predictions", headers, "").await.status,
            200,
            "reading shows nothing to a page"
        );
    }
    service.stop().await;
}

async fn a_refusal_is_a_page_for_a_browser_and_json_for_a_program(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let browser = [("accept", "text/html,*/*;q=0.8")];
    for (path, status) in [
        ("/ui/quality?window=1y", 400),
        ("/ui/none", 404),
        ("/ui/a/b/c", 404),
        ("/ui/predictions/01a204b7-5bcf-7210-9e53-fceee37a8b25", 404),
    ] {
        let shown = service.exchange("GET", path, &browser, "").await;
        assert_eq!((shown.status, shown.header("content-type")), (status, Some("text/html; charset=utf-8")), "{path}");
        assert!(
            shown.text.contains("To the overview") && shown.header("content-security-policy").is_some(),
            "{shown:?}"
        );
        assert!(shown.text.contains(shown.header("x-request-id").unwrap()), "{shown:?}");
        assert_eq!(service.get(path).await.header("content-type"), Some("application/json"), "{path}");
    }
    let outside = service.exchange("GET", "/none", &browser, "").await;
    assert_eq!((outside.status, outside.header("content-type")), (404, Some("application/json")));
    let wrong_method = service.exchange("POST", "/ui/quality", &browser, "").await;
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("GET,HEAD")));
    service.stop().await;
}
