//! The promises of the typed metrics: bounded, exposed at 0, consistent.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use monitoring::prediction::{PredictedClass, PredictionMetrics, PredictionPhase};
use monitoring::{ErrorCode, Exposition, LabelSet, Labels as _, MetricsRegistry, TraceContext, each, label_enum};
use proptest::prelude::*;

label_enum! {
    enum Colour: "colour" { Red = "red", Blue = "blue" }
}

fn value(registry: &MetricsRegistry, series: &str) -> Option<f64> {
    let text = registry.render(Exposition::Classic);
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn every_series_of_a_closed_set_is_exposed_at_zero() {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let shops = LabelSet::new(&["shop"], 2);
    shops.admit(&["corner"]).unwrap();
    registry.counters("sales_total", "Sales.", (shops, each::<Colour>())).unwrap();
    assert_eq!(value(&registry, r#"sales_total{colour="red",shop="corner"}"#), Some(0.0));
    assert_eq!(value(&registry, r#"sales_total{colour="blue",shop="corner"}"#), Some(0.0));
    assert_eq!(value(&registry, r#"build_info{service="test",version="1"}"#), Some(1.0));
}

#[test]
fn a_name_can_be_registered_once() {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    registry.counter("a_total", "A.").unwrap();
    assert!(registry.counter("a_total", "A.").unwrap_err().to_string().contains("a_total"));
    assert!(registry.gauge("no spaces", "B.").is_err());
    assert!(PredictionMetrics::register(&registry).is_ok());
    assert!(PredictionMetrics::register(&registry).is_err());
}

#[test]
fn an_attempt_is_counted_once_whatever_becomes_of_it() {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let predictions = PredictionMetrics::register(&registry).unwrap();
    let unknown = predictions.model::<&str>("unknown", &[]);
    let coin = predictions.model("coin", &["heads", "tails"]);
    assert_eq!(value(&registry, r#"prediction_classes_total{class="tails",model="coin"}"#), Some(0.0));

    let mut batch = unknown.start();
    batch.set_model(&coin);
    batch.set_items(3);
    batch.record_phase(PredictionPhase::Queue, 0.001);
    batch.succeed(&[0, 1, 1].map(|class| PredictedClass { class, confidence: 0.75 }));
    coin.start().fail(ErrorCode::InvalidInput);
    drop(coin.start());

    for (series, expected) in [
        (r#"predictions_total{model="coin",status="success"}"#, 3.0),
        (r#"predictions_total{model="coin",status="error"}"#, 2.0),
        (r#"predictions_total{model="unknown",status="error"}"#, 0.0),
        (r#"prediction_errors_total{error_type="invalid_input",model="coin"}"#, 1.0),
        (r#"prediction_errors_total{error_type="cancelled",model="coin"}"#, 1.0),
        (r#"prediction_errors_total{error_type="internal",model="coin"}"#, 0.0),
        (r#"prediction_classes_total{class="tails",model="coin"}"#, 2.0),
        (r#"prediction_confidence_count{model="coin"}"#, 3.0),
        (r#"prediction_latency_seconds_count{model="coin",status="error"}"#, 2.0),
        (r#"prediction_batch_size_sum{model="coin"}"#, 3.0),
        (r#"prediction_phase_seconds_count{model="coin",phase="queue"}"#, 1.0),
    ] {
        assert_eq!(value(&registry, series), Some(expected), "{series}");
    }
    assert_eq!(value(&registry, r#"prediction_errors_total{error_type="not_found",model="coin"}"#), None);
}

/// The lines of OpenMetrics that have an exemplar.
fn exemplars(registry: &MetricsRegistry) -> Vec<String> {
    let text = registry.render(Exposition::OpenMetrics);
    text.lines().filter(|line| line.contains(" # ")).map(str::to_owned).collect()
}

#[test]
fn a_bucket_names_the_latest_sampled_trace_in_it() {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let shops = LabelSet::new(&["shop"], 2);
    let corner = shops.admit(&["corner"]).unwrap();
    let kiosk = shops.admit(&["kiosk"]).unwrap();
    let waiting = registry.traced_histograms("waiting_seconds", "Seconds.", &[1.0, 2.0], (each(), shops)).unwrap();
    let [first, second, beyond] = [(); 3].map(|()| TraceContext::root());
    let dropped = TraceContext::child_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap();
    waiting.with((Colour::Red, corner)).observe(1.5, Some(&first));
    waiting.with((Colour::Red, corner)).observe(2.0, Some(&second));
    waiting.with((Colour::Red, corner)).observe(1.75, Some(&dropped));
    waiting.with((Colour::Blue, kiosk)).observe(7.25, Some(&beyond));
    waiting.with((Colour::Blue, kiosk)).observe(0.5, None);
    let line = |series: &str, trace: TraceContext, value: &str| {
        let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
        format!("waiting_seconds_bucket{{{series}}} # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {value} ")
    };
    let found = exemplars(&registry);
    assert_eq!(found.len(), 2, "{found:?}");
    for (found, expected) in found.iter().zip([
        line(r#"colour="blue",shop="kiosk",le="+Inf""#, beyond, "7.25").replace("} #", "} 2.0 #"),
        line(r#"colour="red",shop="corner",le="2.0""#, second, "2.0").replace("} #", "} 3.0 #"),
    ]) {
        let seconds = found.strip_prefix(&expected).unwrap_or_else(|| panic!("{found} is not {expected}"));
        assert!(seconds.parse::<f64>().unwrap() > 1e9, "{seconds}");
    }
    assert!(!registry.render(Exposition::Classic).contains("trace_id"));
}

proptest! {
    #[test]
    fn a_label_set_never_outgrows_its_room(values in prop::collection::vec("[a-c]{1,2}", 0..40), room in 0_usize..8) {
        let set = LabelSet::new(&["value"], room);
        for value in &values {
            match set.admit(&[value]) {
                Ok(member) => prop_assert_eq!(set.values(member), vec![value.clone()]),
                Err(full) => prop_assert_eq!(full.0, room),
            }
        }
        let distinct: std::collections::BTreeSet<_> = values.iter().collect();
        prop_assert_eq!(set.keys().len(), distinct.len().min(room));
    }

    #[test]
    fn any_label_value_survives_both_expositions(value in "[^\\x00]{0,12}") {
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let set = LabelSet::new(&["value"], 1);
        set.admit(&[&value]).unwrap();
        registry.counters("things_total", "Things\nof \"two\" lines \\.", set).unwrap();
        for form in [Exposition::Classic, Exposition::OpenMetrics] {
            let text = registry.render(form);
            let line = text.split('\n').find(|line| line.starts_with("things_total{")).unwrap();
            let inner = line.split_once("value=\"").unwrap().1.rsplit_once('"').unwrap().0;
            let back = inner.replace("\\\\", "\u{0}").replace("\\\"", "\"").replace("\\n", "\n").replace('\u{0}', "\\");
            prop_assert_eq!(back, value.clone());
        }
    }
}
