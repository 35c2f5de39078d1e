//! The bounds of the metrics: what is beyond them serves all the same.

use std::fs;
use std::path::Path;

use clap::Parser as _;
use inference_service::config::Config;
use serde_json::json;

use crate::onnx;
use crate::repository::{add, model_toml};
use crate::sent::Sent;
use crate::service::{Service, serve};

const EAGER: &[&str] = &["--model-poll-seconds", "0.01"];

fn add_small(repository: &Path, name: &str) {
    add(repository, name, &model_toml([1, 3], r#"["a", "b", "c"]"#), &onnx::chain([1, 3], &["Flatten"]));
}

async fn label(service: &Service, model: &str) -> String {
    let answer = service.predict(&Sent::json(&json!({ "model": model, "input": [0, 0, 1] }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["predictions"][0]["label"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn models_past_the_bound_serve_and_have_room_when_others_go() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["m1", "m2", "m3", "m4"] {
        add_small(folder.path(), name);
    }
    let flags = [EAGER, &["--max-metric-models", "2"]].concat();
    let service = serve(folder.path(), &flags).await;
    for model in ["m1", "m2", "m3", "m4", "m4"] {
        assert_eq!(label(&service, model).await, "c");
    }
    let metrics = service.metrics().await;
    let predicted = |model: &str| format!("predictions_total{{model=\"{model}\",status=\"success\"}}");
    assert_eq!((metrics.get(&predicted("m2")), metrics.get(&predicted("other"))), (1.0, 3.0));
    for family in ["predictions_total", "model_loaded", "model_info", "model_reloads_total", "prediction_run_items_sum"]
    {
        assert_eq!(metrics.of(&format!("{family}{{model=\"m3\"")).count(), 0, "{family}");
    }
    for (series, expected) in [
        ("model_loaded{model=\"other\"}", 1.0),
        ("model_reloads_total{model=\"other\",outcome=\"success\"}", 2.0),
        ("prediction_classes_total{class=\"other\",model=\"other\"}", 3.0),
        ("prediction_run_items_sum{model=\"other\"}", 3.0),
    ] {
        assert_eq!(metrics.get(series), expected, "{series}");
    }
    let counted = service.get("/v2/models/m4/stats").await.json();
    assert_eq!(counted["model_stats"][0]["inference_count"], 2, "{counted}");

    fs::remove_dir_all(folder.path().join("m1")).unwrap();
    let is_gone = |name: &str| name.contains("model=\"m1\"");
    service.metrics_until("m1 leaves", |metrics| !metrics.of("").any(|(name, _)| is_gone(name))).await;
    add_small(folder.path(), "m5");
    service
        .metrics_until("m5 is loaded", |metrics| {
            metrics.of("model_loaded{model=\"m5\"}").any(|(_, loaded)| loaded == 1.0)
        })
        .await;
    // Families are read one after the other, so that scrape may have read the predictions before the model was there.
    let metrics = service.metrics().await;
    assert_eq!(metrics.get(&predicted("m5")), 0.0, "it begins anew");
    assert_eq!(metrics.get("model_loaded{model=\"other\"}"), 1.0);

    fs::write(folder.path().join("m4/1/model.onnx"), "no model").unwrap();
    let newest = "model_last_reload_successful{model=\"other\"}";
    service.metrics_until("one of the others fails", |metrics| metrics.get(newest) == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_many_classes_serves_and_its_last_classes_are_counted_together() {
    const CLASSES: usize = 6_000;
    let folder = tempfile::tempdir().unwrap();
    let wide = model_toml([60, 100], "\"labels.txt\"");
    add(folder.path(), "wide", &wide, &onnx::chain([60, 100], &["Flatten"]));
    let labels: Vec<String> = (0..CLASSES).map(|class| format!("class-{class}")).collect();
    fs::write(folder.path().join("wide/labels.txt"), labels.join("\n")).unwrap();
    let service = serve(folder.path(), &[]).await;
    for class in [3, 4_999, 5_000, 5_999] {
        let input: Vec<u8> = (0..CLASSES).map(|number| u8::from(number == class)).collect();
        let answer = service.predict(&Sent::json(&json!({ "input": input }))).await;
        assert_eq!(answer.json()["predictions"][0]["label"], format!("class-{class}"), "{}", answer.status);
    }
    let metrics = service.metrics().await;
    let of_class = |class: &str| metrics.get(&format!("prediction_classes_total{{class=\"{class}\",model=\"wide\"}}"));
    assert_eq!((of_class("class-3"), of_class("class-4999"), of_class("other")), (1.0, 1.0, 2.0));
    assert_eq!(metrics.of("prediction_classes_total").count(), 5_001);
}

/// `sample_limit` of the shipped Prometheus, which is also the budget that the service warns of.
fn sample_limit() -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prometheus.yml");
    let text = fs::read_to_string(path).unwrap();
    let limit = text.lines().find_map(|line| line.trim().strip_prefix("sample_limit: ")).unwrap();
    limit.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_models_and_classes_as_the_bounds_allow_fit_into_the_shipped_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let labels: Vec<String> = (0..60).map(|class| format!("\"class {class}\"")).collect();
    let config = model_toml([1, 60], &format!("[{}]", labels.join(",")));
    // One more than has series of its own, and 6,060 classes where 5,000 have.
    for number in 0..101 {
        add(folder.path(), &format!("m{number:03}"), &config, &onnx::chain([1, 60], &["Flatten"]));
    }
    let service = serve(folder.path(), &[]).await;
    let metrics = service.metrics().await;
    assert_eq!(metrics.of("model_loaded").map(|(_, loaded)| loaded).sum::<f64>(), 101.0, "100 and the others");
    assert_eq!(metrics.of("prediction_classes_total{class=\"class").count(), 5_000);
    assert_eq!(metrics.of("prediction_classes_total{class=\"other\"").count(), 18, "17 models and the others");
    let of_models = metrics.of("").filter(|(name, _)| name.contains("model=\"")).count();
    let rest = metrics.len() - of_models;
    let options = Config::try_parse_from(["inference-service"]).unwrap().metrics;
    let most = options.most_series();
    // Here 101 models have no profile and tell of no declaration, and 84 have no class `other`; the others have no model_info,
    // and `unknown` has none of the 24 series of models that are loaded. No model declares features, of which 800 have series.
    assert_eq!(of_models + 202 + 84 + 1 + 24 + 3_608 + 4_600, most, "the series of a model are counted wrong");
    // Not every status of every route has come; so there is room for two and a half times as many.
    assert!(rest * 5 < 4_600 * 2, "{rest} series of no model");
    // CardinalityNearLimit fires above 80 %.
    assert!(most * 10 < sample_limit() * 8, "{most} of {}", sample_limit());
}
