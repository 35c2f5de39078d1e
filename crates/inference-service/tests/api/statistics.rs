//! The protocol's statistics, which are the metrics of one version in other words.

use serde_json::{Value, json};

use crate::repository::Versions;
use crate::sent::Sent;
use crate::service::serve;

const ANSWERED: u64 = 3;
const ITEMS: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_the_metrics_of_a_version() {
    let versions = Versions::new("latest_versions = 2\n");
    versions.add(1);
    versions.add(2);
    let service = serve(versions.path(), &[]).await;
    let stats = async |path: &str| service.get(&format!("/v2/models/{path}")).await.json()["model_stats"].clone();
    let fresh = stats("m/versions/1/stats").await;
    assert_eq!((&fresh[0]["inference_count"], &fresh[0]["last_inference"]), (&json!(0), &json!(0)), "{fresh}");

    for _ in 0..ANSWERED {
        let inputs = Sent::json(&json!({ "model": "m", "version": "1", "inputs": [[0, 0, 1], [0, 1, 0]] }));
        assert_eq!(service.predict(&inputs).await.status, 200);
    }
    let wrong = Sent::json(&json!({ "model": "m", "version": "1", "input": [1] }));
    assert_eq!(service.predict(&wrong).await.status, 422);

    let found = stats("m/versions/1/stats").await;
    let one = &found[0];
    assert_eq!((&one["name"], &one["version"]), (&json!("m"), &json!("1")));
    let metrics = service.metrics().await;
    let success = "{model=\"m\",status=\"success\"}";
    assert_eq!(one["inference_count"].as_f64().unwrap(), metrics.get(&format!("predictions_total{success}")));
    assert_eq!(
        (&one["inference_count"], &one["execution_count"]),
        (&json!(ANSWERED * ITEMS), &json!(ANSWERED * ITEMS))
    );
    let of = |name: &str| one["inference_stats"][name].clone();
    for (name, series) in [
        ("success", format!("prediction_latency_seconds_{{}}{success}")),
        ("fail", "prediction_latency_seconds_{}{model=\"m\",status=\"error\"}".to_owned()),
        ("queue", "prediction_phase_seconds_{}{model=\"m\",phase=\"queue\"}".to_owned()),
        ("compute_input", "prediction_phase_seconds_{}{model=\"m\",phase=\"decode\"}".to_owned()),
        ("compute_infer", "prediction_phase_seconds_{}{model=\"m\",phase=\"inference\"}".to_owned()),
        ("compute_output", "prediction_phase_seconds_{}{model=\"m\",phase=\"record\"}".to_owned()),
    ] {
        let total = of(name);
        assert_eq!(total["count"].as_f64().unwrap(), metrics.get(&series.replace("{}", "count")), "{name}");
        let seconds = total["ns"].as_f64().unwrap() / 1e9;
        assert!((seconds - metrics.get(&series.replace("{}", "sum"))).abs() < 1e-6, "{name}: {total}");
    }
    assert_eq!((of("success")["count"].clone(), of("fail")["count"].clone()), (json!(ANSWERED), json!(1)));
    let last = one["last_inference"].as_u64().unwrap();
    assert!(last > 1_700_000_000_000, "milliseconds since 1970: {last}");

    let versions_of = |found: &Value| {
        found.as_array().unwrap().iter().map(|one| one["version"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for path in ["m/stats", "stats"] {
        assert_eq!(versions_of(&stats(path).await), ["2", "1"], "{path}");
    }
    assert_eq!(stats("m/stats").await[0]["inference_count"], 0, "the other version has its own");
    for path in ["none/stats", "m/versions/7/stats"] {
        assert_eq!(service.get(&format!("/v2/models/{path}")).await.json()["code"], "model_not_found", "{path}");
    }
}
