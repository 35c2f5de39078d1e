//! The demo's normal half is no drift of any shipped model, and its episode is one of all of them.

use std::time::Duration;

use serde_json::Value;
use testkit::{Pair, alone, wait_until};

use crate::demo_run::DemoRun;
use crate::{asked, is_at_shipped_pace, newest, psi};

/// How much traffic is judged.
struct DemoLength {
    minutes: f64,
    rate: f64,
    /// Predictions of each model that the normal half has at least.
    normal: u64,
    /// The models whose episode has to be told as a sudden change.
    sudden: &'static [&'static str],
}

/// Enough for a floor of PSI that lies below what is called a warning.
const WHOLE: DemoLength =
    DemoLength { minutes: 6.0, rate: 120.0, normal: 3_000, sudden: &["cifar10", "surface", "tumour", "diabetes"] };
/// Of `tumour`, too few rows come for evidence beside those of the normal half, which are in the same five minutes.
const SAMPLE: DemoLength =
    DemoLength { minutes: 0.5, rate: 150.0, normal: 150, sudden: &["cifar10", "surface", "diabetes"] };

/// What the episode changes in each model's input, and what it takes away.
struct ShownDrift {
    model: &'static str,
    /// Features that have to drift in the range of the episode.
    drifts: &'static [&'static str],
    /// Features of which one at least has to be told as a sudden change.
    sudden: &'static [&'static str],
    /// The feature that is often missing then.
    missing: Option<&'static str>,
}

const SHOWN: [ShownDrift; 4] = [
    ShownDrift {
        model: "cifar10",
        drifts: &["brightness", "contrast", "sharpness", "predicted_class"],
        sudden: &["brightness", "sharpness", "predicted_class"],
        missing: None,
    },
    ShownDrift {
        model: "surface",
        drifts: &["brightness", "sharpness", "predicted_class"],
        sudden: &["brightness", "sharpness", "predicted_class"],
        missing: None,
    },
    ShownDrift {
        model: "tumour",
        drifts: &["radius", "perimeter", "area", "concavity"],
        sudden: &["radius", "perimeter", "area", "concavity"],
        missing: Some("concavity"),
    },
    ShownDrift {
        model: "diabetes",
        drifts: &["bmi", "glucose", "predicted_value"],
        sudden: &["bmi", "glucose", "predicted_value"],
        missing: Some("glucose"),
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn the_normal_half_is_no_drift_and_the_episode_is() {
    let _alone = alone().await;
    let length = if is_at_shipped_pace() { WHOLE } else { SAMPLE };
    let patience = Duration::from_secs_f64(length.minutes * 60.0);
    let pair = Pair::start_eager(|inference| inference).await;
    let mut demo = DemoRun::start(&pair, length.minutes, length.rate);

    demo.says("Drift begins", patience).await;
    let begins = newest(&pair).await;
    assert_nothing_is_sudden(&pair).await;
    demo.says("The drift is over", patience).await;
    let ends = newest(&pair).await;
    all_is_told_as_sudden(&pair, &length).await;
    demo.ends(patience).await;
    pair.all_delivered().await;

    for shown in SHOWN {
        let normal = drift(&pair, shown.model, &format!("since=2026-01-01T00:00:00Z&until={begins}")).await;
        tell(shown.model, "normal", &normal);
        assert_is_normal(&normal, length.normal);
        let episode = drift(&pair, shown.model, &format!("since={begins}&until={ends}")).await;
        tell(shown.model, "drift", &episode);
        assert_shows(&episode, &shown);
    }
}

async fn drift(pair: &Pair, model: &str, range: &str) -> Value {
    let answer = asked(pair, &format!("/drift?model={model}&{range}")).await;
    answer["models"][0]["drift"].clone()
}

/// The sequential test has judged every model, and alarms for none.
async fn assert_nothing_is_sudden(pair: &Pair) {
    let metrics = pair.logging.metrics().await;
    for ShownDrift { model, sudden, .. } in SHOWN {
        for feature in sudden {
            let labels = [("model", model), ("feature", feature)];
            assert!(
                metrics.find("logging_drift_sudden_evidence", &labels).is_some(),
                "{model}: {feature} is not judged"
            );
        }
    }
    let told = metrics.counts_by("logging_drift_sudden", &[], "model");
    assert!(told.is_empty(), "normal traffic is told as a sudden change: {told:?}");
}

async fn all_is_told_as_sudden(pair: &Pair, length: &DemoLength) {
    for shown in SHOWN.iter().filter(|shown| length.sudden.contains(&shown.model)) {
        let what = format!("the episode is told as a sudden change of {}", shown.model);
        wait_until(&what, Duration::from_secs(20), async || {
            let metrics = pair.logging.metrics().await;
            let told = metrics.counts_by("logging_drift_sudden", &[("model", shown.model)], "feature");
            shown.sudden.iter().any(|feature| told.contains_key(*feature))
        })
        .await;
    }
}

fn assert_is_normal(drift: &Value, least: u64) {
    assert!(drift["samples"].as_u64().unwrap() >= least, "{drift}");
    for feature in drift["features"].as_array().unwrap() {
        assert_eq!(feature["verdict"], "none", "{feature}");
        let faults = feature["faults"].as_array().unwrap();
        assert!(faults.iter().all(|fault| fault["is_fault"] == false), "{feature}");
    }
}

fn assert_shows(drift: &Value, shown: &ShownDrift) {
    let features = drift["features"].as_array().unwrap();
    let of = |name: &str| features.iter().find(|feature| feature["feature"] == name).unwrap();
    for name in shown.drifts {
        assert_eq!(of(name)["verdict"], "drift", "{}: {}", shown.model, of(name));
    }
    if let Some(name) = shown.missing {
        let faults = of(name)["faults"].as_array().unwrap();
        let missing = faults.iter().find(|fault| fault["fault"] == "missing").unwrap();
        assert_eq!(missing["is_fault"], true, "{}: {missing}", shown.model);
    }
}

/// A line with the features that differ most.
fn tell(model: &str, episode: &str, drift: &Value) {
    let features = drift["features"].as_array().unwrap();
    let mut names: Vec<&str> = features.iter().map(|feature| feature["feature"].as_str().unwrap()).collect();
    names.sort_by(|one, other| psi(drift, other).total_cmp(&psi(drift, one)));
    let worst: Vec<String> = names.iter().take(6).map(|name| format!("{name} {:.3}", psi(drift, name))).collect();
    eprintln!("{model}, {episode}, {} predictions, PSI: {}", drift["samples"], worst.join(", "));
}
