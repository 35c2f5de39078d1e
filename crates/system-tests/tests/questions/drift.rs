//! Has its input changed?

use serde_json::{Value, json};
use testkit::{Pair, Picture, wait_until};

use crate::synthetic::noise;
use crate::{PATIENCE, get, metric_becomes, post, predict};

const MODEL: &str = "surface";
const ORDINARY: u64 = 300;
const MEAN: u8 = 90;
const BRIGHTER: u8 = 180;

pub(crate) async fn brighter_pictures_are_noticed(pair: &Pair) {
    predict(pair, MODEL, pictures(MEAN, 0..ORDINARY)).await;
    // These are nothing like what the model was made for, which its own profile tells.
    let delivered = async || pair.inference.metrics().await.find("model_profile_delivered", &[("model", MODEL)]);
    wait_until("the model's profile is delivered", PATIENCE, async || delivered().await == Some(1.0)).await;
    assert_eq!(drift(pair).await["verdict"], "drift", "noise is taken for a surface");
    // Here they are how they should be.
    let wanted = json!({ "model": MODEL }).to_string();
    let profile = post(&pair.logging, "/drift/reference", "application/json", wanted).await;
    assert_eq!(profile["counts"]["n"], ORDINARY, "{profile}");
    metric_becomes(pair, "logging_reference_samples", &[("model", MODEL)], ORDINARY as f64).await;

    // More of the same is no drift, and is known to be none.
    predict(pair, MODEL, pictures(MEAN, ORDINARY..2 * ORDINARY)).await;
    verdict_becomes(pair, 2 * ORDINARY, 0.0).await;
    let report = drift(pair).await;
    assert_eq!((&report["verdict"], &report["samples"]), (&json!("none"), &json!(2 * ORDINARY)), "{report}");

    predict(pair, MODEL, pictures(BRIGHTER, 2 * ORDINARY..4 * ORDINARY)).await;
    verdict_becomes(pair, 4 * ORDINARY, 2.0).await;
    let report = drift(pair).await;
    assert_eq!((&report["verdict"], &report["samples"]), (&json!("drift"), &json!(4 * ORDINARY)), "{report}");
    let features = report["features"].as_array().unwrap();
    let brightness = features.iter().find(|feature| feature["feature"] == "brightness").expect("the brightness");
    assert_eq!(brightness["verdict"], "drift", "{brightness}");
    for statistic in brightness["statistics"].as_array().unwrap() {
        let (value, floor) = (statistic["value"].as_f64().unwrap(), statistic["noise_floor"].as_f64().unwrap());
        assert!(value > floor && floor > 0.0, "{statistic}");
    }
    let width = features.iter().find(|feature| feature["feature"] == "width").expect("the width");
    assert_eq!(width["verdict"], "none", "the size has not changed: {width}");
}

fn pictures(mean: u8, numbers: std::ops::Range<u64>) -> Vec<Picture> {
    numbers.map(|number| noise(mean, number)).collect()
}

async fn drift(pair: &Pair) -> Value {
    get(&pair.logging, &format!("/drift?model={MODEL}&window=1h")).await["models"][0]["drift"].clone()
}

/// Waits until the metrics tell of that many predictions, with this verdict on the brightness.
async fn verdict_becomes(pair: &Pair, samples: u64, verdict: f64) {
    let window = [("model", MODEL), ("window", "1h")];
    metric_becomes(pair, "logging_drift_samples", &window, samples as f64).await;
    let brightness = [window[0], window[1], ("feature", "brightness")];
    metric_becomes(pair, "logging_drift_verdict", &brightness, verdict).await;
}
