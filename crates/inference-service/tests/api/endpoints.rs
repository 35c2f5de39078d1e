//! What the service says of itself: models, health and metrics.

use std::fs;

use serde_json::json;

use crate::metrics::Metrics;
use crate::pictures::{cat, dot};
use crate::process::Process;
use crate::raw::Connection;
use crate::repository::{shipped, with_troublemakers};
use crate::row::STATUSES;
use crate::sent::Sent;
use crate::service::serve;

#[tokio::test(flavor = "multi_thread")]
async fn models_tell_what_they_take_and_what_they_say() {
    let models = with_troublemakers();
    let service = serve(models.path(), &[]).await;
    let body = service.get("/models").await.json();
    let listed = body["models"].as_array().unwrap();
    let states: Vec<_> =
        listed.iter().map(|model| (model["name"].as_str().unwrap(), model["state"].as_str().unwrap())).collect();
    let failed = ["broken", "misspelt"];
    let expected = ["broken", "cifar10", "misspelt", "never", "root", "slow", "surface"]
        .map(|name| (name, if failed.contains(&name) { "failed" } else { "ready" }));
    assert_eq!(states, expected);
    let labels: Vec<String> =
        fs::read_to_string(shipped().join("cifar10/labels.txt")).unwrap().lines().map(str::to_owned).collect();
    let sha256 = listed[1]["sha256"].as_str().unwrap();
    let card = fs::read_to_string(shipped().join("cifar10/CARD.md")).unwrap();
    assert!(card.contains(sha256), "{sha256} is not what the card says");
    let input = &listed[1]["input"];
    let sizes = [&input["width"], &input["height"], &input["colour"], &input["layout"], &input["shape"]];
    assert_eq!(json!(sizes), json!([32, 32, "rgb", "nchw", [3, 32, 32]]));
    assert_eq!((input["mean"].as_array().unwrap().len(), input["std"].as_array().unwrap().len()), (3, 3));
    let rest = ["name", "default", "version", "task", "labels"].map(|member| &listed[1][member]);
    assert_eq!(json!(rest), json!(["cifar10", true, "1", "classification", labels]));
    for (index, what) in [(0, "broken/1/model.onnx"), (2, "lay-out")] {
        assert!(listed[index]["error"].as_str().unwrap().contains(what), "{}", listed[index]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_good_as_long_as_one_model_serves() {
    let models = with_troublemakers();
    let service = serve(models.path(), &[]).await;
    for path in ["/health", "/health/ready"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let body = answer.json();
        assert_eq!(
            (&body["status"], &body["models"][0]),
            (&json!("ready"), &json!({ "name": "broken", "state": "failed" }))
        );
        assert_eq!(body["prediction_log"], json!({ "enabled": false }), "{path}");
    }
    assert_eq!(service.get("/health/live").await.json(), json!({ "status": "live" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_any_good_model_lives_but_is_unavailable() {
    let models = with_troublemakers();
    for good in ["cifar10", "surface"] {
        fs::remove_file(models.path().join(good)).unwrap();
    }
    for good in ["never", "root", "slow"] {
        fs::remove_dir_all(models.path().join(good)).unwrap();
    }
    let process = Process::start(models.path(), &[]);
    for name in ["broken", "misspelt"] {
        let line =
            process.log.wait_for("its failure", |line| line["message"] == "model_load_failed" && line["model"] == name);
        assert_eq!(line["level"], "ERROR");
    }
    process.log.wait_for("the end of loading", |line| line["message"] == "ready");
    let answer = process.service.get("/health/ready").await;
    let body = answer.json();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert_eq!((&body["code"], &body["status"]), (&json!("not_ready"), &json!("unavailable")));
    assert_eq!(process.service.get("/health/live").await.status, 200);
    assert_eq!(process.service.metrics().await.get(r#"model_loaded{model="broken"}"#), 0.0);
}

/// The series that must be there, at 0, before anything has happened.
fn expected_at_zero() -> Vec<String> {
    let mut series: Vec<String> =
        ["prediction_queue_depth", "prediction_log_recorded_total", "prediction_log_delivered_total"]
            .iter()
            .chain(&["prediction_log_spooled_records", "prediction_log_spooled_bytes", "prediction_log_oldest_seconds"])
            .map(ToString::to_string)
            .collect();
    for model in ["cifar10", "surface", "unknown"] {
        for status in ["success", "error"] {
            series.push(format!("predictions_total{{model=\"{model}\",status=\"{status}\"}}"));
            series.push(format!("prediction_latency_seconds_count{{model=\"{model}\",status=\"{status}\"}}"));
        }
        for (code, _) in STATUSES {
            series.push(format!("prediction_errors_total{{error_type=\"{code}\",model=\"{model}\"}}"));
        }
        for phase in ["decode", "queue", "inference", "record"] {
            series.push(format!("prediction_phase_seconds_count{{model=\"{model}\",phase=\"{phase}\"}}"));
        }
        series.push(format!("prediction_batch_size_count{{model=\"{model}\"}}"));
        series.push(format!("prediction_confidence_count{{model=\"{model}\"}}"));
    }
    for model in ["cifar10", "surface"] {
        for class in fs::read_to_string(shipped().join(model).join("labels.txt")).unwrap().lines() {
            series.push(format!("prediction_classes_total{{class=\"{class}\",model=\"{model}\"}}"));
        }
    }
    for status in STATUSES.map(|(_, status)| status).into_iter().chain([200, 405]) {
        series.push(format!("http_requests_total{{method=\"POST\",route=\"/predict\",status=\"{status}\"}}"));
    }
    for reason in ["connection", "timeout", "busy", "rejected", "unexpected"] {
        series.push(format!("prediction_log_delivery_errors_total{{reason=\"{reason}\"}}"));
    }
    series
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_of_a_closed_set_is_there_from_the_start() {
    let service = serve(&shipped(), &[]).await;
    let metrics = service.metrics().await;
    for series in expected_at_zero() {
        assert_eq!(metrics.get(&series), 0.0, "{series}");
    }
    for model in ["cifar10", "surface"] {
        assert_eq!(metrics.get(&format!("model_loaded{{model=\"{model}\"}}")), 1.0);
        assert!(metrics.get(&format!("model_load_seconds{{model=\"{model}\"}}")) > 0.0);
    }
    assert_eq!(
        metrics.of("model_info{").filter(|(series, one)| series.contains("version=\"1\"") && *one == 1.0).count(),
        4
    );
    assert_eq!(metrics.of("prediction_log_dropped_total{").filter(|(_, dropped)| *dropped == 0.0).count(), 6);
    let smallest = r#"prediction_latency_seconds_bucket{model="cifar10",status="success",le="0.00005"}"#;
    assert_eq!(metrics.get(smallest), 0.0, "milliseconds can be told apart");
    assert!(metrics.of("build_info{").next().is_some() && metrics.get("process_resident_memory_bytes") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_come_in_both_text_forms() {
    let service = serve(&shipped(), &[]).await;
    let classic = service.get("/metrics").await;
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(classic.text.contains("# TYPE predictions_total counter\n"));
    let mut connection = Connection::open(&service);
    connection.send("GET /metrics HTTP/1.1\r\nhost: test\r\naccept: application/openmetrics-text\r\n\r\n");
    let open = connection.answer(false);
    assert_eq!(open.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.text.contains("# TYPE predictions counter\n") && open.text.ends_with("# EOF\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_makes_a_series_of_its_own() {
    let service = serve(&shipped(), &[]).await;
    let everywhere = async |word: &str| {
        let sent = || Sent::new("image/jpeg", cat()).header("x-request-id", word);
        service.predict(&sent().query(&format!("?model={word}"))).await;
        service.predict(&sent().query(&format!("?{word}=1"))).await;
        service.predict(&Sent::new(&format!("image/{word}"), dot())).await;
        service.predict(&Sent::form(&[(word, word.as_bytes())])).await;
        service
            .predict(&Sent::json(&json!({ "model": word, "version": word, "image": word, "request_id": word })))
            .await;
        service.predict(&sent().query(&format!("?version={word}"))).await;
        service.get(&format!("/{word}")).await;
        service.get(&format!("/health/{word}?{word}={word}")).await;
        let mut connection = Connection::open(&service);
        connection.send(format!("{} /predict HTTP/1.1\r\nhost: {word}\r\n\r\n", word.to_uppercase()));
        connection.answer(false);
        let text = service.get("/metrics").await.text;
        assert!(!text.to_lowercase().contains(word), "{word} is in the metrics");
        Metrics::parse(&text).len()
    };
    let first = everywhere("zebra").await;
    for word in ["quagga", "okapi"] {
        assert_eq!(everywhere(word).await, first, "there are new series");
    }
}
