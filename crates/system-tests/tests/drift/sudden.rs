//! A gross change is an alert within minutes: the shipped rules in a real Prometheus that scrapes both services.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::{Value, json};
use testkit::{
    Configuration, Load, Pair, Picture, Prometheus, RunningLoad, Shot, ShotOutcome, Targets, alone, free_address,
    pictures, skip_without_shipped, wait_until,
};
use tokio::time::Instant;

use crate::demo_run::DemoRun;
use crate::table_rows::TableRows;
use crate::{asked, is_at_shipped_pace, newest, psi};

/// What is promised.
const PROMISE: Duration = Duration::from_secs(300);
/// Seconds of one bucket, in whose middle a change is seen last: what came before it dilutes it.
const BUCKET: u64 = 300;
/// Added to `radius`: its PSI becomes 1.2.
const WIDER: f64 = 3.0;
/// What changes: the model, the feature in which it has to be told, and whose label `owner` the alert has.
const CHANGED: [(&str, &str, &str); 2] = [("cifar10", "brightness", ""), ("tumour", "radius", "pathology")];

/// Where a selector of the alert begins.
const ALERT: &str = "ALERTS{alertname='SuddenDrift'";

/// How fast it goes.
struct Pace {
    /// By what the intervals of Prometheus are divided.
    faster: u64,
    /// Seconds between two evaluations of the logging service.
    evaluate_seconds: &'static str,
    /// Rows a second for `tumour`, and pictures a second for `cifar10` after the change.
    rate: f64,
    /// Requests a second of the demo, before the change.
    demo_rate: f64,
    /// How long everything is normal, at least.
    normal: Duration,
    /// Whether the change waits for the middle of a bucket.
    is_in_the_middle: bool,
}

/// As it is shipped.
const SHIPPED: Pace = Pace {
    faster: 1,
    evaluate_seconds: "30",
    rate: 10.0,
    demo_rate: 20.0,
    normal: Duration::from_secs(BUCKET / 2),
    is_in_the_middle: true,
};
/// The same within a minute.
const SAMPLE: Pace = Pace {
    faster: 30,
    evaluate_seconds: "0.5",
    rate: 50.0,
    demo_rate: 50.0,
    normal: Duration::from_secs(8),
    is_in_the_middle: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_gross_change_is_an_alert_within_five_minutes() {
    let _alone = alone().await;
    let Some(program) = skip_without_shipped("prometheus", "the alert about a gross change") else { return };
    let pace = if is_at_shipped_pace() { SHIPPED } else { SAMPLE };
    let evaluate =
        |inference, logging: testkit::Launch| (inference, logging.flag("--evaluate-seconds=", pace.evaluate_seconds));
    let pair = Pair::start_at(|places| places, evaluate).await;
    let (prometheus, _configuration) = watched(&program, &pair, &pace).await;

    let demo = DemoRun::start(&pair, 120.0, pace.demo_rate);
    let rows = send_rows(&pair, &pace, 0.0);
    is_normal_for_a_while(&pace).await;
    assert_is_quiet(&prometheus).await;

    demo.stop().await;
    assert_all_answered(&rows.stop().await);
    pair.all_delivered().await;
    let (changed, before) = (Instant::now(), newest(&pair).await);
    let loads = [send_rows(&pair, &pace, WIDER), send_dark_pictures(&pair, &pace)];
    let told = alerts_fire(&prometheus, changed).await;
    for load in loads {
        assert_all_answered(&load.stop().await);
    }
    pair.all_delivered().await;

    for (model, feature, owner) in CHANGED {
        let answer = asked(&pair, &format!("/drift?model={model}&since={before}&until={}", newest(&pair).await)).await;
        let drift = &answer["models"][0]["drift"];
        let (psi, samples, seconds) = (psi(drift, feature), &drift["samples"], told[feature].as_secs_f64());
        eprintln!("{model}, {feature}: PSI {psi:.2} of {samples} predictions, an alert after {seconds:.1} s");
        assert!(psi >= 1.0, "the change is none that is promised to be told: {answer}");
        let labels = format!("model='{model}', feature='{feature}', owner='{owner}', severity='critical'");
        prometheus.becomes(&format!("count({ALERT}, alertstate='firing', {labels}}})"), 1.0).await;
    }
    let others = prometheus.samples(&format!("{ALERT}, model!~'cifar10|tumour'}}")).await;
    assert_eq!(others, [Value::Null; 0], "nothing has changed for these");
}

/// A Prometheus with the shipped rules, at this pace.
async fn watched(program: &std::path::Path, pair: &Pair, pace: &Pace) -> (Prometheus, Configuration) {
    let configuration = Configuration::copy(&["prometheus.yml", "alert_rules.yml", "deploy/prometheus"]);
    configuration.divide("prometheus.yml", &["scrape_interval", "scrape_timeout", "evaluation_interval"], pace.faster);
    configuration.divide("alert_rules.yml", &["interval", "for"], pace.faster);
    configuration.divide("deploy/prometheus/recording_rules.yml", &["interval"], pace.faster);
    let address = free_address();
    let targets = Targets {
        inference: pair.inference.address,
        logging: pair.logging.address,
        prometheus: address,
        alertmanager: None,
    };
    targets.write_into(&configuration);
    (Prometheus::start(program, address, &configuration.path("prometheus.yml")).await, configuration)
}

/// Waits while normal traffic comes.
async fn is_normal_for_a_while(pace: &Pace) {
    let started = Instant::now();
    let into_bucket = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() % BUCKET;
    wait_until("it has been normal long enough", pace.normal + Duration::from_secs(BUCKET), async || {
        let is_middle = (BUCKET / 2..BUCKET / 2 + 30).contains(&into_bucket());
        started.elapsed() >= pace.normal && (is_middle || !pace.is_in_the_middle)
    })
    .await;
}

/// The test of the last minutes has judged all four models, and nothing was ever told, not even as pending.
async fn assert_is_quiet(prometheus: &Prometheus) {
    prometheus.becomes("count(count by (model) (logging_drift_sudden))", 4.0).await;
    prometheus.becomes("max(logging_drift_sudden)", 0.0).await;
    let before = prometheus.samples(&format!("count_over_time({ALERT}}}[1h])")).await;
    assert_eq!(before, [Value::Null; 0], "it has fired before the change");
    let samples = prometheus.samples("logging_drift_samples{window='1h', model=~'cifar10|tumour'}").await;
    assert_eq!(samples.len(), 2, "{samples:?}");
    for sample in samples {
        let predictions: f64 = sample["value"][1].as_str().unwrap().parse().unwrap();
        assert!(predictions >= 100.0, "too few predictions were judged: {sample}");
    }
}

/// Waits until both changes are told; by feature, how long after the change.
async fn alerts_fire(prometheus: &Prometheus, changed: Instant) -> BTreeMap<&'static str, Duration> {
    let mut told = BTreeMap::new();
    wait_until("SuddenDrift fires for both models", PROMISE, async || {
        let alerts = prometheus.samples(&format!("{ALERT}, alertstate='firing'}}")).await;
        for (model, feature, _) in CHANGED {
            let is_told = |alert: &Value| alert["metric"]["model"] == model && alert["metric"]["feature"] == feature;
            if alerts.iter().any(is_told) {
                told.entry(feature).or_insert(changed.elapsed());
            }
        }
        told.len() == CHANGED.len()
    })
    .await;
    told
}

/// Rows for `tumour`, with so much added to `radius`.
fn send_rows(pair: &Pair, pace: &Pace, wider: f64) -> RunningLoad {
    let rows = TableRows::of("tumour");
    Load::open(1, pace.rate).start(&pair.inference, move |_| {
        let mut row = rows.any(&mut Rng::new());
        row["radius"] = (row["radius"].as_f64().unwrap() + wider).into();
        Shot::new("/predict", "application/json", json!({ "model": "tumour", "rows": [row] }).to_string())
    })
}

/// The example pictures of `cifar10` at half their brightness.
fn send_dark_pictures(pair: &Pair, pace: &Pace) -> RunningLoad {
    let dark: Vec<Picture> = pictures("cifar10").iter().map(at_half_brightness).collect();
    Load::open(2, pace.rate).start(&pair.inference, move |number| Shot::picture("cifar10", &dark[number % dark.len()]))
}

fn at_half_brightness(picture: &Picture) -> Picture {
    let mut pixels: RgbImage = image::load_from_memory(&picture.bytes).unwrap().to_rgb8();
    pixels.iter_mut().for_each(|value| *value /= 2);
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(pixels).write_to(&mut bytes, ImageFormat::Png).unwrap();
    Picture { content_type: "image/png", bytes: bytes.into_inner() }
}

fn assert_all_answered(outcomes: &[ShotOutcome]) {
    let failed = outcomes.iter().find(|outcome| outcome.status() != Some(200));
    assert!(failed.is_none(), "{:?}", failed.map(|outcome| &outcome.answer));
}
