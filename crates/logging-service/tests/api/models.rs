//! What is declared about models, and the drift of the features that records bring.

use serde_json::{Value, json};

use crate::service::fresh;
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    what_cannot_be_or_would_have_no_effect_is_refused_with_a_plain_sentence,
    a_person_goes_before_the_file_and_can_be_taken_back,
    declared_features_are_kept_and_counted_and_the_others_counted_only,
}

async fn a_person_goes_before_the_file_and_can_be_taken_back(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let nothing = service.get("/models/loans").await;
    assert_eq!((nothing.status, nothing.json()["code"].clone()), (404, json!("not_found")));
    let file = json!({ "task": "classification", "owner": "file", "labels": ["no", "yes"], "positive": "yes" });
    assert_eq!(service.put("/models/loans?source=file", &file).await.status, 200);
    let both = service.put("/models/loans", &json!({ "owner": "person", "thresholds": { "psi_drift": 0.4 } })).await;
    let whole = json!({
        "task": "classification", "owner": "person", "labels": ["no", "yes"], "positive": "yes",
        "thresholds": { "psi_drift": 0.4 },
    });
    assert_eq!((both.status, both.json()), (200, whole.clone()));
    assert_eq!(service.get("/models").await.json(), json!({ "models": { "loans": whole } }));
    assert_eq!(service.delete("/models/loans").await.json(), file);
    assert_eq!(service.get("/models/loans").await.json(), file);
    assert_eq!(service.delete("/models/loans?source=file").await.json(), json!({}));
    assert_eq!(service.get("/models/loans").await.status, 404);
    let wrong = service.put("/models/loans", &json!({ "labels": ["a", "a"] })).await;
    assert_eq!((wrong.status, wrong.json()["field"].clone()), (422, json!("labels[1]")));
    assert_eq!(service.put("/models/a%20b", &json!({})).await.status, 422);
    service.stop().await;
}

async fn declared_features_are_kept_and_counted_and_the_others_counted_only(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let row = |number: u32, shift: f64| {
        let age = 20.0 + f64::from(number % 50) + shift;
        json!({
            "model": "house", "task": "regression", "value": 100.0 + f64::from(number % 30) + shift,
            "features": { "age": age, "city": if number.is_multiple_of(2) { "Rome" } else { "Paris" }, "width": null },
            "counted_features": { "income": 1000.0 * age },
            "tags": { "region": "eu" },
        })
    };
    service.store(&(0..400).map(|number| row(number, 0.0)).collect::<Vec<_>>()).await;
    assert_eq!(service.post("/drift/reference", &json!({ "model": "house" })).await.status, 200);
    service.store(&(0..1200).map(|number| row(number, 40.0)).collect::<Vec<_>>()).await;
    let stored = service.get("/predictions?model=house&limit=1").await.json()["predictions"][0].clone();
    assert_eq!(stored["tags"], json!({ "region": "eu" }));
    assert_eq!(stored["features"]["width"], Value::Null);
    assert!(stored["features"]["age"].is_number() && stored.get("counted_features").is_none(), "{stored}");
    let drift = service.get("/drift?model=house").await.json()["models"][0]["drift"].clone();
    let features = drift["features"].as_array().unwrap();
    let found: Vec<(&str, &str)> = features
        .iter()
        .map(|feature| (feature["feature"].as_str().unwrap(), feature["verdict"].as_str().unwrap()))
        .collect();
    let expected = [
        ("predicted_value", "drift"),
        ("age", "drift"),
        ("city", "none"),
        ("income", "drift"),
        ("features.width", "none"),
    ];
    assert_eq!(found, expected);
    service.stop().await;
}

async fn what_cannot_be_or_would_have_no_effect_is_refused_with_a_plain_sentence(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let file = json!({ "task": "regression", "thresholds": { "psi_drift": 0.4 } });
    assert_eq!(service.put("/models/price?source=file", &file).await.status, 200);
    let refused = [
        (
            "new",
            json!({ "thresholds": { "psi_warning": 0.3 } }),
            "thresholds.psi_warning (0.3) must not be greater than psi_drift (0.25)",
        ),
        ("price", json!({ "thresholds": { "psi_warning": 0.5 } }), "must not be greater than psi_drift (0.4)"),
        (
            "price",
            json!({ "thresholds": { "accuracy": 0.9 } }),
            "thresholds.accuracy is of a classification, and the task of this model is regression",
        ),
        ("new", json!({ "task": "raw", "thresholds": { "auc": 0.9 } }), "task of this model is raw"),
        ("new", json!({ "task": "classification", "thresholds": { "mae": 1 } }), "thresholds.mae is of a regression"),
        ("new", json!({ "labels": ["a", "b"], "tolerance": 1 }), "tolerance is of a regression"),
        ("new", json!({ "mute": { "until": "2001-01-01T00:00:00Z" } }), "mute.until (2001-01-01T00:00:00Z) is over"),
        ("new", json!({ "mute": { "until": "2999-01-01T00:00:00+25:00" } }), "more than 23 hours"),
        ("new", json!({ "mute": "today" }), "expected an object"),
        ("new", json!({ "mute": { "until": 5 } }), "expected a time such as"),
        ("new", json!({ "thresholds": 3 }), "expected an object"),
        ("new", json!({ "thresholds": { "mae": "x" } }), "string \"x\", expected a number"),
        ("new", json!({ "features": {} }), "expected an array"),
        ("new", json!({ "features": ["age"] }), "expected an object"),
        ("new", json!({ "tags": [] }), "expected an object"),
        ("new", json!({ "labels": 3 }), "expected an array"),
        ("new", json!({ "owner": {} }), "expected a string"),
        ("new", json!({ "task": "sorting" }), "unknown word `sorting`"),
    ];
    for (model, declaration, says) in refused {
        let answer = service.put(&format!("/models/{model}"), &declaration).await;
        assert_eq!(answer.status, 422, "{declaration}: {answer:?}");
        let sentence = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(sentence.contains(says), "{declaration}: {sentence}");
        for word in ["struct", "f64", "sequence", "a map", "variant"] {
            assert!(!sentence.contains(word), "{word} in {sentence}");
        }
        // What is refused changes nothing.
        assert_eq!(service.get("/models/new").await.status, 404, "{declaration}");
    }
    for (model, declaration) in [
        (
            "price",
            json!({ "thresholds": { "psi_warning": 0.3, "mae": 2 }, "tolerance": 1, "mute": { "until": "2999-01-01T00:00:00Z" } }),
        ),
        ("new", json!({ "thresholds": { "psi_warning": 0.3, "psi_drift": 0.3, "mae": 1, "auc": 0.5 } })),
        ("new", json!({ "thresholds": { "psi_drift": 0.05 } })),
    ] {
        let answer = service.put(&format!("/models/{model}"), &declaration).await;
        assert_eq!(answer.status, 200, "{declaration}: {answer:?}");
    }
    // A file is taken whatever a person has said: it also says what may not be kept.
    let contrary = json!({ "task": "classification", "thresholds": { "psi_drift": 0.1 }, "mute": { "until": "2001-01-01T00:00:00Z" } });
    assert_eq!(service.put("/models/price?source=file", &contrary).await.status, 200);
}
