//! Proves that the queries of the documents work: Debian's Prometheus, on the shipped configuration, runs each of them
//! over the running services. The queries of docs/queries.md have data, and never NaN. The queries of the troubleshooting
//! page and of the runbooks are about faults, and may be empty here.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::Duration;

use serde_json::Value;
use testkit::{AN_HOUR_AGO, Pair, Stage, alone, documented_queries, documents, pictures, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

/// The page whose queries answer something on a healthy system.
const PAGE: &str = "docs/queries.md";

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_documents_runs() {
    let _alone = alone().await;
    let Some(stage) = Stage::around(Pair::start_eager(|inference| inference).await).await else { return };
    // Each model, refusals and defects, twice with a scrape between, so that there is a rate.
    for _ in 0..2 {
        for model in ["cifar10", "surface"] {
            for picture in pictures(model) {
                let path = format!("/predict?model={model}");
                let answer = stage.pair.inference.post(&path, picture.content_type, picture.bytes).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
        assert_eq!(stage.pair.inference.post("/predict", "text/plain", "hello").await.status, 415);
        stage.pair.all_delivered().await;
        stage.pair.is_judged(&["cifar10", "surface"]).await;
        stage.catches_up().await;
    }

    let mut ran = 0;
    for file in documents() {
        for query in documented_queries(&file) {
            // A test takes minutes, not hours.
            let text = query.text.replace("offset 1h", AN_HOUR_AGO);
            if file == PAGE {
                wait_until(&format!("{} has data: {text}", query.place), PATIENCE, async || {
                    !finite_numbers(&stage, &query.place, &text).await.is_empty()
                })
                .await;
            } else {
                stage.prometheus.daemon.get("/api/v1/query", &[("query", &text)]).await;
            }
            ran += 1;
        }
    }
    let of_page = documented_queries(PAGE).len();
    assert!(of_page >= 40 && ran > of_page, "only {of_page} queries in {PAGE} and {ran} in all are found");
}

/// The numbers that a query has now, none of which may be NaN or infinite.
async fn finite_numbers(stage: &Stage, place: &str, query: &str) -> Vec<f64> {
    let samples = stage.prometheus.samples(query).await;
    let number = |sample: &Value| sample["value"][1].as_str().unwrap().parse::<f64>().unwrap();
    let numbers: Vec<f64> = samples.iter().map(number).collect();
    assert!(numbers.iter().all(|number| number.is_finite()), "{place}: {query}: {samples:?}");
    numbers
}
