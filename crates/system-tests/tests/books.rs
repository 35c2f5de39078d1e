//! Proves that nothing is lost or counted twice between a client and the database: a thousand predictions of both
//! models in every encoding, failures and batches among them, are as many rows (a refused batch is one), and every counter of either
//! service, the statistics, the pages and the log lines tell of the same thousand.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use testkit::{Load, LogLine, Pair, Picture, Service, Shot, ShotOutcome, alone, count_by, pictures};

const MODELS: [&str; 2] = ["cifar10", "surface"];
/// Requests for one prediction each.
const SINGLE: usize = 970;
/// Requests for [`BATCH`] predictions each.
const BATCHES: usize = 6;
const BATCH: usize = 5;
const PREDICTIONS: u64 = (SINGLE + BATCHES * BATCH) as u64;
/// One of the batches is refused, and is one record with the number of its items.
const RECORDS: u64 = PREDICTIONS - BATCH as u64 + 1;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_predictions_are_a_thousand_rows_and_all_counters_agree() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    let examples = MODELS.map(pictures);
    let load = Load::closed(4).requests(SINGLE + BATCHES);
    let outcomes = load.run(&pair.inference, move |number| shot(number, &examples)).await;

    let books = pair.all_delivered().await;
    assert_eq!((books.recorded, books.delivered, books.dropped), (RECORDS, RECORDS, 0));
    assert_eq!(pair.inference.metrics().await.count("prediction_log_predictions_total", &[]), PREDICTIONS);
    assert_eq!(pair.database().rows(), RECORDS);

    counters_agree(&pair, &outcomes).await;
    every_request_is_found_once(&pair.logging, &outcomes).await;
    the_log_tells_of_each(&pair.inference, &outcomes).await;
}

async fn counters_agree(pair: &Pair, outcomes: &[ShotOutcome]) {
    let (inference, logging) = (pair.inference.metrics().await, pair.logging.metrics().await);
    let stats = pair.logging.get("/stats").await.json();
    let failed = inference.count("predictions_total", &[("status", "error")]);
    assert_eq!(inference.count("predictions_total", &[]), PREDICTIONS);
    assert_eq!(inference.count("prediction_errors_total", &[]), failed);
    assert_eq!(stats["total"]["predictions"], PREDICTIONS);
    assert_eq!(stats["total"]["errors"], failed);
    assert_eq!(logging.count("logging_duplicates_total", &[]), 0);

    let by_model = inference.counts_by("predictions_total", &[], "model");
    assert_eq!(by_model.keys().collect::<Vec<_>>(), ["cifar10", "surface", "unknown"], "the load lacks something");
    assert_eq!(logging.counts_by("logging_predictions_total", &[], "model"), by_model);
    assert_eq!(counts(&stats["models"], |model| model["predictions"].as_u64()), by_model);
    let errors = inference.counts_by("prediction_errors_total", &[], "error_type");
    assert_eq!(counts(&stats["total"]["error_types"], Value::as_u64), errors);

    for model in MODELS {
        let classes = inference.counts_by("prediction_classes_total", &[("model", model)], "class");
        assert_eq!(counts(&stats["models"][model]["labels"], Value::as_u64), classes, "{model}");
        let answered = predictions(outcomes, model);
        assert_eq!(count_by(&answered, "label"), classes, "{model}");
        let defects = answered.iter().filter(|prediction| prediction["defect"] == true).count() as u64;
        assert_eq!(logging.count("logging_defects_total", &[("model", model)]), defects, "{model}");
        assert_eq!(stats["models"][model]["defects"], defects, "{model}");
        assert_eq!(inference.count("prediction_confidence_count", &[("model", model)]), answered.len() as u64);
    }
    assert!(stats["models"]["surface"]["defects"].as_u64() > Some(0), "the load shows no defect");
}

async fn every_request_is_found_once(logging: &Service, outcomes: &[ShotOutcome]) {
    let mut found: BTreeMap<(String, u64), u64> = BTreeMap::new();
    let mut page = "/predictions?limit=37".to_owned();
    loop {
        let answer = logging.get(&page).await.json();
        for row in answer["predictions"].as_array().unwrap() {
            let key = (row["request_id"].as_str().unwrap().to_owned(), row["row_index"].as_u64().unwrap());
            *found.entry(key).or_default() += 1;
        }
        match answer["next_cursor"].as_str() {
            Some(cursor) => page = format!("/predictions?limit=37&cursor={cursor}"),
            None => break,
        }
    }
    let expected = outcomes.iter().flat_map(|outcome| {
        let id = &outcome.shot.request_id;
        let rows = if outcome.status() == Some(200) { items(id) } else { 1 };
        (0..rows).map(move |row| ((id.clone(), row), 1))
    });
    assert_eq!(found, expected.collect());
}

async fn the_log_tells_of_each(inference: &Service, outcomes: &[ShotOutcome]) {
    let lines = inference.log_lines().await;
    let mut told: BTreeMap<&str, &LogLine> = BTreeMap::new();
    for line in &lines {
        if ["prediction_completed", "prediction_failed"].contains(&line["message"].as_str().unwrap()) {
            assert!(line["trace_id"].as_str().is_some_and(|id| id.len() == 32), "{line}");
            assert_eq!(line["service"], "inference-service");
            let id = line["request_id"].as_str().unwrap_or_else(|| panic!("no request_id in {line}"));
            assert!(told.insert(id, line).is_none(), "told twice: {line}");
        }
    }
    assert_eq!(told.values().map(|line| line["items"].as_u64().unwrap()).sum::<u64>(), PREDICTIONS);
    assert_eq!(told.len(), outcomes.len());
    for outcome in outcomes {
        let id = &outcome.shot.request_id;
        let line = told.get(id.as_str()).unwrap_or_else(|| panic!("no line for {id}"));
        let message = if outcome.status() == Some(200) { "prediction_completed" } else { "prediction_failed" };
        assert_eq!((&line["message"], &line["items"]), (&json!(message), &json!(items(id))), "{line}");
    }
}

/// The request of this number: mostly pictures, with something of everything else among them.
fn shot(number: usize, examples: &[Vec<Picture>; 2]) -> Shot {
    let which = number % MODELS.len();
    let (model, examples) = (MODELS[which], &examples[which]);
    let picture = &examples[number / 2 % examples.len()];
    let json = |body: &Value| Shot::new("/predict", "application/json", body.to_string());
    let shot = if number >= SINGLE {
        form(model, examples, number == SINGLE)
    } else {
        match number % 20 {
            0..3 => json(&json!({ "model": model, "image": BASE64_STANDARD.encode(&picture.bytes) })),
            3 => json(&json!({ "model": "surface", "input": vec![0.25; 64 * 64] })),
            4 => Shot::picture("elephant", picture),
            5 => Shot::new(format!("/predict?model={model}"), "image/png", "no picture"),
            6 => Shot::new("/predict", "application/json", "{"),
            7 => Shot::new("/predict", "text/plain", "hello"),
            _ => Shot::picture(model, picture),
        }
    };
    Shot { request_id: format!("{}-{number}", if number >= SINGLE { "batch" } else { "single" }), ..shot }
}

/// A form of [`BATCH`] pictures; a spoilt one ends with something else.
fn form(model: &str, examples: &[Picture], spoilt: bool) -> Shot {
    let mut body = format!("--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n").into_bytes();
    for position in 0..BATCH {
        body.extend(b"--b\r\ncontent-disposition: form-data; name=\"image\"; filename=\"x\"\r\n\r\n");
        let content: &[u8] =
            if spoilt && position == BATCH - 1 { b"?" } else { &examples[position % examples.len()].bytes };
        body.extend(content);
        body.extend(b"\r\n");
    }
    body.extend(b"--b--\r\n");
    Shot::new("/predict", "multipart/form-data; boundary=b", body)
}

/// The predictions that the request of this id asks for.
fn items(request_id: &str) -> u64 {
    if request_id.starts_with("batch") { BATCH as u64 } else { 1 }
}

/// What clients were told of a model.
fn predictions(outcomes: &[ShotOutcome], model: &str) -> Vec<Value> {
    let answers = outcomes.iter().filter(|outcome| outcome.status() == Some(200));
    let answers = answers.map(|outcome| outcome.answer.as_ref().expect("it has a status").json());
    let of_model = answers.filter(|answer| answer["model"] == model);
    of_model.flat_map(|answer| answer["predictions"].as_array().cloned().unwrap()).collect()
}

fn counts(object: &Value, count: impl Fn(&Value) -> Option<u64>) -> BTreeMap<String, u64> {
    object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), count(value).unwrap())).collect()
}
