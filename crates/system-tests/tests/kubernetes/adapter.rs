//! The metric that the autoscaler goes by, from the service through prometheus-adapter's rule to the number.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{Launch, alone, skip_without_shipped};

use crate::objects::{Objects, at, document};

/// Two pods, scraped every 15 seconds: the queue of one is always 12, that of the other is 40 in every second scrape.
const CASE: &str = r#"
rule_files: []
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - series: METRIC{job="inference-service", namespace="glasshouse", pod="a", instance="10.0.0.1:8000"}
        values: 12x40
      - series: METRIC{job="inference-service", namespace="glasshouse", pod="b", instance="10.0.0.2:8000"}
        values: 0 40 0 40 0 40 0 40 0 40 0 40 0 40 0 40 0 40 0 40
      - series: METRIC{job="inference-service", namespace="other", pod="b", instance="10.0.0.3:8000"}
        values: 100x40
      - series: METRIC{job="inference-service", instance="inference-service:8000"}
        values: 100x40
    promql_expr_test:
      - expr: count by (namespace) (SERIES)
        eval_time: 4m
        exp_samples:
          - labels: '{namespace="glasshouse"}'
            value: 2
          - labels: '{namespace="other"}'
            value: 1
      - expr: QUERY
        # Between two scrapes, so that a minute holds four of them in every version of Prometheus.
        eval_time: 4m5s
        exp_samples:
          - labels: '{pod="a"}'
            value: 12
          - labels: '{pod="b"}'
            value: EXPECTED
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_autoscaler_sees_the_queue_of_each_pod() {
    let _alone = alone().await;
    let rules = document("deploy/kubernetes/prometheus-adapter/values.yaml")["rules"]["custom"].clone();
    let [rule] = &rules.as_array().unwrap()[..] else { panic!("one rule is expected") };
    let series = rule["seriesQuery"].as_str().unwrap();
    let metric = series.split('{').next().unwrap();
    let metrics = Launch::inference().start().await.metrics().await;
    assert_eq!(metrics.value(metric, &[]), 0.0);
    for (place, objects) in Objects::all() {
        let autoscaler = objects.get("HorizontalPodAutoscaler", "inference-service");
        assert_eq!(at(autoscaler, "/spec/metrics/0/pods/metric/name"), metric, "{place}");
        let target = at(autoscaler, "/spec/metrics/0/pods/target/averageValue").as_str().unwrap();
        // Long before requests are refused, or a new pod comes too late.
        assert!(target.parse::<f64>().unwrap() <= metrics.value("prediction_queue_limit", &[]) / 4.0, "{place}");
    }
    for label in ["namespace", "pod"] {
        assert_eq!(rule["resources"]["overrides"][label]["resource"], label);
    }

    let Some(promtool) = skip_without_shipped("promtool", "the rule of prometheus-adapter") else { return };
    assert_eq!(verdict(&promtool, rule, "20"), Ok(()));
    assert!(verdict(&promtool, rule, "19").is_err(), "promtool takes any number");
}

/// What promtool says of the case, with the rule filled in as the adapter does it for two pods.
fn verdict(promtool: &std::path::Path, rule: &Value, expected: &str) -> Result<(), String> {
    let series = rule["seriesQuery"].as_str().unwrap();
    let metric = series.split('{').next().unwrap();
    let query = rule["metricsQuery"].as_str().unwrap();
    let query = query
        .replace("<<.Series>>", metric)
        .replace("<<.LabelMatchers>>", "namespace=\"glasshouse\",pod=~\"a|b\"")
        .replace("<<.GroupBy>>", "pod");
    assert!(!query.contains("<<"), "{query}");
    let case = [("SERIES", series), ("QUERY", &query), ("METRIC", metric), ("EXPECTED", expected)]
        .into_iter()
        .fold(CASE.to_owned(), |case, (place, text)| case.replace(place, text));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("adapter.yml");
    fs::write(&file, case).unwrap();
    let output = Command::new(promtool).args(["test", "rules"]).arg(&file).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
