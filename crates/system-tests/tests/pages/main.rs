//! The pages of both services in a real browser: Chromium, driven by playwright, with axe-core looking for barriers.
//!
//! Rule of thumb: a page is one line in [`feed::PAGES`] or [`MODEL_PAGES`], and everything is checked of it.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod browser;
mod feed;
mod pictures;

use serde_json::{Value, json};
use testkit::{Launch, alone, model_folder};

use browser::{Browser, Looks};
use feed::{HOSTILE, LoggedDays};

/// The pages of the inference service.
const MODEL_PAGES: [&str; 4] = ["/ui", "/ui/models/cifar10", "/ui/models/diabetes", "/ui/models/tumour"];
/// The most bytes of a page.
const MOST_BYTES: u64 = 100_000;

/// What may not be: something that executes, another origin, a barrier, a page that is cut off at the side.
fn assert_good(seen: &Value) {
    let place = format!("{} {} {}", seen["url"], seen["scheme"], seen["width"]);
    assert_eq!(seen["status"], 200, "{place}");
    assert!(seen["bytes"].as_u64().unwrap() < MOST_BYTES, "{place} has {} bytes", seen["bytes"]);
    assert_eq!(seen["seen"], json!([]), "{place}");
    assert!(
        seen.get("violations").is_none_or(|violations| *violations == json!([])),
        "{place}: {}",
        seen["violations"]
    );
    assert_eq!((&seen["handlers"], seen["overflow"].as_i64().unwrap().max(0)), (&json!(0), 0), "{place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_readable_for_everybody_and_executes_nothing() {
    let _alone = alone().await;
    let Some(browser) = Browser::or_skip("pages in a browser") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let logging = Launch::logging(&scratch.path().join("log.db")).start().await;
    let empty = browser.look(&logging, &feed::PAGES.map(str::to_owned), Looks::Quick).await;
    empty.iter().for_each(assert_good);
    let filled = LoggedDays::send(&logging).await;
    let pages = filled.pages();
    for seen in browser.look(&logging, &pages, Looks::All).await {
        assert_good(&seen);
        assert!(!seen["text"].as_str().unwrap().contains("This cannot be shown"), "{seen}");
    }
    feed::send_hostile(&logging).await;
    let mut pages = filled.pages();
    pages.extend(feed::hostile_pages(&logging).await);
    let seen = browser.look(&logging, &pages, Looks::Quick).await;
    seen.iter().for_each(assert_good);
    assert!(seen.iter().any(|seen| seen["text"].as_str().unwrap().contains(HOSTILE)), "it is shown as text");

    let inference = Launch::inference_logging_to(logging.address).start().await;
    for seen in browser.look(&inference, &MODEL_PAGES.map(str::to_owned), Looks::All).await {
        assert_good(&seen);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_used_by_keyboard_and_read_without_scripts() {
    let _alone = alone().await;
    let Some(browser) = Browser::or_skip("pages without a mouse and without scripts") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let logging = Launch::logging(&scratch.path().join("log.db")).start().await;
    let inference = Launch::inference_logging_to(logging.address).start().await;
    let filled = LoggedDays::send(&logging).await;
    let pages = filled.pages();
    let urls = pages.iter().map(|page| logging.url(page)).chain(MODEL_PAGES.map(|page| inference.url(page)));
    let tasks: Vec<Value> = urls.map(|url| json!({ "kind": "tabs", "url": url })).collect();
    for (task, found) in tasks.iter().zip(browser.run(&tasks).await) {
        assert_eq!((&found["missed"], &found["unseen"]), (&json!([]), &json!([])), "{task}: {found}");
        assert_eq!(found["first"]["name"], "A", "the way to the content comes first: {task}");
    }
    // The figures are those of the API and of the database.
    let stats: Value = serde_json::from_slice(&logging.get("/stats?window=7d").await.body).unwrap();
    let quality: Value = serde_json::from_slice(&logging.get("/quality?window=7d&model=cats").await.body).unwrap();
    let (predictions, quality) = (stats["total"]["predictions"].as_u64().unwrap(), &quality["models"][0]["quality"]);
    assert_eq!(predictions, filled.predictions, "what was sent");
    let accuracy = format!("{:.1} %", quality["accuracy"].as_f64().unwrap() * 100.0);
    let plain = browser
        .look(
            &logging,
            &["/ui?window=7d", "/ui/quality?window=7d&model=cats"].map(str::to_owned),
            Looks::WithoutScripts,
        )
        .await;
    for (seen, figure) in plain.iter().zip([predictions.to_string(), accuracy]) {
        let text = seen["text"].as_str().unwrap().replace(',', "");
        assert!(text.contains(&figure), "{figure}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_labels_by_keyboard_and_the_accuracy_changes() {
    let _alone = alone().await;
    let Some(browser) = Browser::or_skip("labels that are given by keyboard") else { return };
    let scratch = tempfile::tempdir().unwrap();
    let keys = scratch.path().join("keys");
    std::fs::write(&keys, "rita label: 0123456789abcdef\nboss: fedcba9876543210\n").unwrap();
    for key in [None, Some("0123456789abcdef")] {
        let database = scratch.path().join(if key.is_some() { "keyed.db" } else { "open.db" });
        // With keys, a service has the rows of a run without.
        let open = Launch::logging(&database).start().await;
        feed::send_doubtful(&open).await;
        let logging = if key.is_some() {
            drop(open);
            Launch::logging(&database).flag("--api-keys=", &keys).start().await
        } else {
            open
        };
        let task = json!({ "kind": "label", "url": logging.url("/ui/label?model=cats"), "key": key });
        let found = &browser.run(&[task]).await[0];
        assert_eq!(found["seen"], json!([]), "{found}");
        assert!(found["before"].as_str().unwrap().contains("0 of 3 labelled"), "{found}");
        let progress = |step: usize| found["steps"][step]["progress"].as_str().unwrap().to_owned();
        // The answer was dog: cat is the key 1, dog is the key 2.
        assert!(progress(0).contains("1 of 3 labelled") && progress(0).contains("0 % right"), "{found}");
        assert!(progress(1).contains("2 of 3 labelled") && progress(1).contains("50.0 % right"), "{found}");
        assert!(found["steps"][2]["url"].as_str().unwrap().contains("event_id="), "u goes back: {found}");
        assert!(
            progress(3).contains("2 of 3 labelled") && progress(3).contains("0 % right"),
            "it is corrected: {found}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_tried_by_its_form() {
    let _alone = alone().await;
    let Some(browser) = Browser::or_skip("forms that try a model") else { return };
    let inference = Launch::inference().start().await;
    let cat = model_folder().join("cifar10/examples/cat.jpg");
    let tasks = [
        json!({ "kind": "predict", "url": inference.url("/ui/models/cifar10"), "file": cat }),
        json!({ "kind": "predict", "url": inference.url("/ui/models/diabetes") }),
        json!({ "kind": "predict", "url": inference.url("/ui/models/tumour") }),
    ];
    let found = browser.run(&tasks).await;
    for (found, expected) in found.iter().zip(["cat", "Answer", "benign"]) {
        assert!(found["answer"].as_str().unwrap().contains(expected), "{expected}: {found}");
        assert!(found["refusal"].as_str().unwrap().contains("invalid_request"), "{found}");
        // A refused request is a line in the console of the browser.
        let noise = found["seen"].as_array().unwrap().iter().filter(|line| !line.as_str().unwrap().contains("400"));
        assert_eq!(noise.count(), 0, "{found}");
    }
    assert!(
        found[0]["answer"].as_str().unwrap().contains("airplane"),
        "all classes stand with their bars: {}",
        found[0]
    );
}
