//! Names of models and digests of files, of which senders make up more than anybody has.

use serde_json::{Value, json};

use crate::service::fresh;
use crate::store_support::{Fixture, on_each_engine};

const OFTEN: &[&str] = &["--evaluate-seconds", "0.05"];
/// The most files that one answer is about.
const MOST: usize = 1_000;
/// Made-up names.
const JUNK: usize = 1_500;

on_each_engine! {
    of_too_many_models_those_count_that_are_vouched_for_or_busy,
    of_too_many_files_of_a_model_those_count_that_are_used,
    there_is_room_for_so_many_references,
    there_is_room_for_so_many_declarations,
}

fn models(answer: &Value) -> Vec<&str> {
    answer["models"].as_array().unwrap().iter().map(|model| model["model"].as_str().unwrap()).collect()
}

async fn of_too_many_models_those_count_that_are_vouched_for_or_busy(fixture: Fixture) {
    let service = fresh(&fixture, OFTEN).await;
    let record = |model: &str| json!({ "model": model, "label": "x", "confidence": 0.5 });
    service.store(&[record("zz-quiet"), record("zz-busy"), record("zz-busy"), record("zz-nobody")]).await;
    assert_eq!(service.put("/models/zz-quiet", &json!({ "owner": "lab" })).await.status, 200);
    let all = service.get("/quality?window=1h").await.json();
    assert_eq!((models(&all).len(), all.get("left_out")), (3, None));
    service.store(&(0..JUNK).map(|number| record(&format!("-{number:04}"))).collect::<Vec<_>>()).await;
    for path in ["/quality?window=1h", "/drift?window=1h", "/quality?window=7d"] {
        let answer = service.get(path).await.json();
        let told = models(&answer);
        assert_eq!((told.len(), &answer["left_out"]), (MOST, &json!(JUNK + 3 - MOST)), "{path}");
        assert!(told.contains(&"zz-quiet") && told.contains(&"zz-busy"), "{path}");
        assert!(!told.contains(&"zz-nobody"), "{path}: the alphabet decides among equals");
    }
    let nobody = service.get("/quality?window=1h&model=zz-nobody").await.json();
    assert_eq!(models(&nobody), ["zz-nobody"], "who is asked for by name is there");
    service
        .metrics_until("all that have no series are counted", |metrics| {
            metrics.get("logging_models_left_out{reason=\"models\"}") == (JUNK + 3 - 100) as f64
                && metrics.find("logging_window_predictions{model=\"zz-busy\",window=\"1h\"}") == Some(2.0)
                && metrics.find("logging_window_predictions{model=\"zz-quiet\",window=\"1h\"}") == Some(1.0)
        })
        .await;
    service.stop().await;
}

async fn of_too_many_files_of_a_model_those_count_that_are_used(fixture: Fixture) {
    let service = fresh(&fixture, OFTEN).await;
    let record = |digest: usize, minutes: i64| {
        let time = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
        let digest = format!("{digest:064x}");
        json!({ "model": "m", "model_sha256": digest, "label": "x", "confidence": 0.5, "occurred_at": time.to_string() })
    };
    service.store(&(0..3).map(|quarter| record(JUNK, 15 * quarter)).collect::<Vec<_>>()).await;
    service.store(&[json!({ "model": "other", "label": "x", "confidence": 0.5 })]).await;
    service.store(&(0..JUNK).map(|number| record(number, 0)).collect::<Vec<_>>()).await;
    let used = format!("{JUNK:064x}");
    let files = |answer: &Value, model: &str| {
        let all = answer["models"].as_array().unwrap().iter().filter(|file| file["model"] == model);
        all.map(|file| file["model_sha256"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let all = service.get("/quality?window=1h").await.json();
    assert_eq!((files(&all, "m").len(), files(&all, "other").len()), (20, 1), "no model takes the place of others");
    assert!(files(&all, "m").contains(&used));
    assert_eq!(all["left_out"], json!(JUNK + 1 - 20));
    let one = service.get("/quality?window=1h&model=m").await.json();
    assert_eq!((files(&one, "m").len(), &one["left_out"]), (MOST, &json!(JUNK + 1 - MOST)));
    assert!(files(&one, "m").contains(&used));
    service.stop().await;
}

/// Nobody who makes up models keeps out those that there are.
async fn there_is_room_for_so_many_references(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    // Long labels, and many of them, make it large.
    let record = |class: usize| json!({ "model": "used", "label": format!("{class:0>120}"), "confidence": 0.5 });
    service.store(&(0..900).map(record).collect::<Vec<_>>()).await;
    let taken = service.post("/drift/reference", &json!({ "model": "used" })).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let mut profile = taken.json();
    for number in 0..MOST / 2 {
        profile["model"] = json!(format!("of-{number}"));
        let answer = service.put("/drift/reference", &profile).await;
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
    }
    let kept = service.get("/drift/reference").await.json();
    let kept: Vec<&str> =
        kept["references"].as_array().unwrap().iter().map(|one| one["model"].as_str().unwrap()).collect();
    let newest = format!("of-{}", MOST / 2 - 1);
    assert!(kept.contains(&"used") && kept.contains(&newest.as_str()), "{kept:?}");
    assert!(!kept.contains(&"of-0"), "the oldest of those that nobody uses goes first");
    let removed = service.delete(&format!("/drift/reference/{newest}")).await;
    assert_eq!((removed.status, removed.json()), (200, json!({ "removed": 1 })));
    service.stop().await;
}

async fn there_is_room_for_so_many_declarations(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&[json!({ "model": "used", "label": "x", "confidence": 0.5 })]).await;
    let owner = json!({ "owner": "lab" });
    assert_eq!(service.put("/models/used", &owner).await.status, 200);
    for number in 0..=MOST {
        let answer = service.put(&format!("/models/of-{number}"), &owner).await;
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
    }
    let declared = service.get("/models").await.json();
    let owned = |model: &str| declared["models"][model]["owner"] == "lab";
    assert!(owned("used") && owned(&format!("of-{MOST}")), "{declared}");
    assert!(!owned("of-0"), "the oldest of those that nobody uses goes first");
    service.stop().await;
}
