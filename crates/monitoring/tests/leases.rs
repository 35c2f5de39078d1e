//! The series of models come and go with them, and their number is bounded.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use monitoring::prediction::{PredictedClass, PredictionBounds, PredictionMetrics};
use monitoring::{Exposition, LabelSetFull, LeasedSet, MetricsRegistry, NoLabels};

fn value(registry: &MetricsRegistry, series: &str) -> Option<f64> {
    let text = registry.render(Exposition::Classic);
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// How many lines of a scrape are about this model.
fn lines(registry: &MetricsRegistry, model: &str) -> usize {
    let label = format!("model=\"{model}\"");
    registry.render(Exposition::Classic).lines().filter(|line| line.contains(&label)).count()
}

fn bounded(models: usize, classes: usize) -> (MetricsRegistry, PredictionMetrics) {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let predictions = PredictionMetrics::register_bounded(&registry, PredictionBounds { models, classes }).unwrap();
    (registry, predictions)
}

#[test]
fn a_value_is_in_the_scrape_while_somebody_holds_it() {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let shops = LeasedSet::new(&["shop"], 1);
    let sales = registry.leased_counters("sales_total", "Sales.", &shops, NoLabels).unwrap();
    let corner = shops.lease(&["corner"]).unwrap();
    sales.with(&corner, NoLabels).inc();
    let again = shops.lease(&["corner"]).unwrap();
    assert_eq!(shops.lease(&["kiosk"]).err(), Some(LabelSetFull(1)));
    let late = sales.with(&corner, NoLabels);
    drop(corner);
    assert_eq!(value(&registry, r#"sales_total{shop="corner"}"#), Some(1.0), "another holds it");
    drop(again);
    late.inc();
    assert_eq!(value(&registry, r#"sales_total{shop="corner"}"#), None);
    let kiosk = shops.lease(&["kiosk"]).unwrap();
    sales.with(&kiosk, NoLabels);
    assert_eq!(value(&registry, r#"sales_total{shop="kiosk"}"#), Some(0.0), "what came late counts for nobody else");
    drop(kiosk);
    let corner = shops.lease(&["corner"]).unwrap();
    sales.with(&corner, NoLabels);
    assert_eq!(value(&registry, r#"sales_total{shop="corner"}"#), Some(0.0), "it begins anew");
}

#[test]
fn models_past_the_bound_are_counted_together_until_there_is_room() {
    let (registry, predictions) = bounded(1, 10);
    let first = predictions.model("first", &["a"]);
    let [second, third] = ["second", "third"].map(|name| predictions.model(name, &["a", "b"]));
    assert!(!first.is_other() && second.is_other() && third.is_other());
    for model in [&first, &second, &third] {
        model.start().succeed(&[PredictedClass { class: 0, confidence: 0.5 }]);
    }
    assert_eq!(value(&registry, r#"predictions_total{model="other",status="success"}"#), Some(2.0));
    assert_eq!(value(&registry, r#"prediction_classes_total{class="other",model="other"}"#), Some(2.0));
    assert_eq!((lines(&registry, "second"), second.counts().predictions), (0, 1));
    drop(first);
    assert_eq!(lines(&registry, "first"), 0);
    let second = [second, predictions.model("second", &["a", "b"])];
    assert!(!second[1].is_other(), "there is room now");
    assert_eq!(value(&registry, r#"prediction_classes_total{class="b",model="second"}"#), Some(0.0));
    drop(second);
    drop(third);
    assert_eq!(lines(&registry, "other"), 0, "nobody is counted so any more");
    assert!(lines(&registry, "unknown") > 0);
}

#[test]
fn classes_past_the_bound_are_other() {
    let (registry, predictions) = bounded(10, 3);
    let small = predictions.model("small", &["a", "b"]);
    let large = predictions.model("large", &["a", "b", "c"]);
    assert_eq!((small.named_classes(), large.named_classes()), (2, 1));
    for class in [0, 1, 2, 2, 3] {
        large.start().succeed(&[PredictedClass { class, confidence: 0.5 }]);
    }
    assert_eq!(value(&registry, r#"prediction_classes_total{class="a",model="large"}"#), Some(1.0));
    assert_eq!(
        value(&registry, r#"prediction_classes_total{class="other",model="large"}"#),
        Some(3.0),
        "3 is no class"
    );
    assert_eq!(value(&registry, r#"prediction_classes_total{class="other",model="small"}"#), None);
    drop(small);
    let newer = predictions.model("large", &["a", "new", "c"]);
    drop(large);
    assert_eq!(newer.named_classes(), 3);
    assert_eq!(value(&registry, r#"prediction_classes_total{class="a",model="large"}"#), Some(1.0), "it never went");
    assert_eq!(value(&registry, r#"prediction_classes_total{class="b",model="large"}"#), None);
    assert_eq!(value(&registry, r#"prediction_classes_total{class="other",model="large"}"#), None);
}

#[test]
fn what_comes_and_goes_at_once_is_never_lost_and_never_left() {
    let (registry, predictions) = bounded(2, 8);
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (predictions, stop) = (predictions.clone(), stop.clone());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let model = predictions.model("m", &["a"]);
                    model.start().succeed(&[]);
                }
            })
        })
        .collect();
    for _ in 0..200 {
        let held = predictions.model("m", &["a"]);
        assert!(!held.is_other());
        assert!(lines(&registry, "m") > 0, "a holder's series is in the scrape");
    }
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(lines(&registry, "m"), 0);
    let two = ["x", "y"].map(|name| predictions.model(name, &["a"]));
    assert!(two.iter().all(|model| !model.is_other()), "every place is free again");
}
