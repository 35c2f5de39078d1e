//! What is true of the stack while it runs. One test, because it is started once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use testkit::{HttpConnection, HttpRequest, Picture, pictures, read_log_lines, wait_until};
use tokio::time::interval;

use crate::stack::Stack;

/// What an image may have, models and ONNX Runtime included.
const MOST_IMAGE_BYTES: [(&str, u64); 2] = [("inference-service", 120_000_000), ("logging-service", 75_000_000)];
const JOBS: [&str; 8] =
    ["alertmanager", "alloy", "grafana", "inference-service", "logging-service", "loki", "node-exporter", "prometheus"];
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two requests while containers are started again.
const PACE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_starts_watches_itself_and_loses_nothing() {
    let Some(stack) = Stack::start().await else { return };
    images_are_small(&stack);
    models_run_in_onnx_runtime(&stack).await;
    containers_are_as_asked_for(&stack);
    prometheus_sees_everything(&stack).await;
    the_engine_answers_questions_about_logs_alone(&stack).await;
    the_password_is_made_once(&stack).await;
    no_restart_loses_a_row(&stack).await;
}

fn images_are_small(stack: &Stack) {
    for (service, most) in MOST_IMAGE_BYTES {
        let bytes = stack.image_bytes(service);
        eprintln!("{service}: an image of {bytes} bytes");
        assert!(bytes < most, "{service}: {bytes}");
    }
}

/// Where its library could be fetched; else tract runs them, and the service says so.
async fn models_run_in_onnx_runtime(stack: &Stack) {
    let fetched = testkit::target_folder().unwrap().join("onnxruntime/LICENSE").exists();
    if !fetched {
        eprintln!("SKIPPED: ONNX Runtime cannot be fetched, so the image is tested without it");
    }
    let models = stack.get("inference-service", "/models").await;
    for model in models["models"].as_array().unwrap() {
        assert_eq!(
            (model["engine"] == "onnxruntime", model["engine_because"].is_null()),
            (fetched, fetched),
            "{model}"
        );
    }
}

fn containers_are_as_asked_for(stack: &Stack) {
    for service in ["inference-service", "logging-service"] {
        let container = stack.inspect(service);
        assert_eq!(container["Config"]["User"], "65532:65532");
        assert_eq!(container["Config"]["Healthcheck"]["Test"][2], "--health-check");
        assert_eq!(container["HostConfig"]["ReadonlyRootfs"], true);
        let shell = stack.shell(service, "true");
        assert!(!shell.status.success(), "the image of {service} has a shell");
    }
    for service in JOBS {
        let container = stack.inspect(service);
        let ports = container["NetworkSettings"]["Ports"].as_object().unwrap().values();
        for port in ports.filter_map(Value::as_array).flatten() {
            assert_eq!(port["HostIp"], "127.0.0.1", "{service}");
        }
    }
}

/// Every target by its name, every rule, and Alertmanager.
async fn prometheus_sees_everything(stack: &Stack) {
    wait_until("every target is up", PATIENCE, async || {
        let targets = stack.get("prometheus", "/api/v1/targets").await;
        let targets = targets["data"]["activeTargets"].as_array().unwrap().clone();
        let up = targets.iter().filter(|target| target["health"] == "up");
        up.map(|target| target["labels"]["job"].as_str().unwrap().to_owned()).eq(JOBS.map(str::to_owned))
    })
    .await;
    let targets = stack.get("prometheus", "/api/v1/targets").await.to_string();
    for url in ["http://inference-service:8000/metrics", "http://logging-service:8001/metrics"] {
        assert!(targets.contains(url), "{url} in {targets}");
    }
    let rules = stack.get("prometheus", "/api/v1/rules").await;
    let groups = rules["data"]["groups"].as_array().unwrap();
    let files: BTreeSet<&str> = groups.iter().map(|group| group["file"].as_str().unwrap()).collect();
    let expected = ["alert_rules.yml", "deploy/prometheus/recording_rules.yml", "deploy/prometheus/slo_rules.yml"];
    let expected: Vec<String> = expected.iter().map(|file| format!("/etc/prometheus/{file}")).collect();
    assert_eq!(files, expected.iter().map(String::as_str).collect());
    wait_until("Prometheus finds Alertmanager", PATIENCE, async || {
        let found = stack.get("prometheus", "/api/v1/alertmanagers").await;
        found["data"]["activeAlertmanagers"].as_array().is_some_and(|found| found.len() == 1)
    })
    .await;
}

/// From where Alloy is, and from where it is not.
async fn the_engine_answers_questions_about_logs_alone(stack: &Stack) {
    let picture = &pictures("cifar10")[0];
    let request_id = predict(&mut HttpConnection::to(stack.address("inference-service")), picture).await.unwrap();
    let guard = "http://docker-socket-proxy:2375";
    let id = stack.inspect("inference-service")["Id"].as_str().unwrap().to_owned();
    let ask = |path: &str| stack.shell("alloy", &format!("wget -q -O - '{guard}{path}'"));
    for path in ["/_ping", "/v1.41/networks", "/containers/json", &format!("/v1.24/containers/{id}/json")] {
        let answer = ask(path);
        assert!(answer.status.success(), "{path}: {}", String::from_utf8_lossy(&answer.stderr));
    }
    let log = ask(&format!("/v1.41/containers/{id}/logs?stdout=1&timestamps=0"));
    let lines = read_log_lines(&unframed(&log.stdout));
    let told = lines.iter().any(|line| line["message"] == "prediction_completed" && line["request_id"] == *request_id);
    assert!(told, "{lines:?}");

    for path in [
        "/info".to_owned(),
        "/images/json".to_owned(),
        format!("/containers/{id}/archive?path=/"),
        format!("/containers/{id}/export"),
        format!("/containers/{id}/attach/ws"),
        "/containers/json/../../images/json".to_owned(),
        "/containers/%2e%2e/images/json".to_owned(),
        "//images/json".to_owned(),
    ] {
        assert_is_forbidden(&ask(&path), &path);
    }
    for path in [format!("/containers/{id}/stop"), "/containers/json".to_owned(), "/networks".to_owned()] {
        let command = format!("wget -q -O - --post-data '{{}}' '{guard}{path}'");
        assert_is_forbidden(&stack.shell("alloy", &command), &path);
    }

    let networks = &stack.inspect("docker-socket-proxy")["NetworkSettings"]["Networks"];
    let address = networks.as_object().unwrap().values().next().unwrap()["IPAddress"].as_str().unwrap();
    let there = |service: &str| stack.shell(service, &format!("timeout 3 wget -q -O - http://{address}:2375/_ping"));
    assert!(there("alloy").status.success());
    assert!(!there("grafana").status.success(), "Grafana reaches the engine");
}

async fn the_password_is_made_once(stack: &Stack) {
    let read = || {
        let output = stack
            .shell("grafana", "stat -c %a:%u /var/lib/grafana/admin-password; cat /var/lib/grafana/admin-password");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = read();
    let password = first.strip_prefix("600:472\n").unwrap_or_else(|| panic!("{first}"));
    assert_eq!(password.trim().len(), 24, "18 bytes in Base64");
    stack.compose(&["restart", "grafana"]);
    stack.becomes_healthy().await;
    assert_eq!(read(), first);
}

/// Predictions go on while each of the two containers is started again; each that was answered is stored, once.
async fn no_restart_loses_a_row(stack: &Stack) {
    let stop = Arc::new(AtomicBool::new(false));
    let predictions = tokio::spawn(predict_until(stop.clone(), stack.address("inference-service")));
    for service in ["logging-service", "inference-service"] {
        stack.compose(&["restart", service]);
        stack.becomes_healthy().await;
    }
    stop.store(true, Ordering::Relaxed);
    let AnsweredRequests { answered, unanswered } = predictions.await.unwrap();
    eprintln!("{} predictions answered, {unanswered} not, while the containers were started again", answered.len());
    assert!(answered.len() > 50 && unanswered > 0, "the containers were not started again under load");
    let mut missing = answered;
    wait_until("every answered prediction is stored", PATIENCE, async || {
        while let Some(request_id) = missing.last() {
            let stored = stack.get("logging-service", &format!("/predictions?request_id={request_id}")).await;
            match stored["predictions"].as_array().unwrap().len() {
                0 => return false,
                1 => missing.truncate(missing.len() - 1),
                rows => panic!("{request_id} is stored {rows} times"),
            }
        }
        true
    })
    .await;
}

/// What became of predictions that were asked for one after another.
struct AnsweredRequests {
    /// The ids of the requests that were answered.
    answered: Vec<String>,
    /// How many were not.
    unanswered: usize,
}

async fn predict_until(stop: Arc<AtomicBool>, address: SocketAddr) -> AnsweredRequests {
    let (mut connection, picture) = (HttpConnection::to(address), &pictures("cifar10")[0]);
    let (mut answered, mut unanswered, mut pace) = (Vec::new(), 0, interval(PACE));
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        match predict(&mut connection, picture).await {
            Some(request_id) => answered.push(request_id),
            None => unanswered += 1,
        }
    }
    AnsweredRequests { answered, unanswered }
}

/// The request's id, if it was answered.
async fn predict(connection: &mut HttpConnection, picture: &Picture) -> Option<String> {
    let request = HttpRequest::post("/predict?model=cifar10", picture.bytes.clone());
    let request = request.header("content-type", picture.content_type).bytes();
    let answer = connection.send(&request).await.ok().filter(|answer| answer.status == 200)?;
    answer.json()["request_id"].as_str().map(str::to_owned)
}

fn assert_is_forbidden(output: &std::process::Output, path: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("403"),
        "{path}: {said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// A container's output out of the engine's frames: a kind, three zeros, a length of four bytes, then the text.
fn unframed(mut bytes: &[u8]) -> String {
    let mut text = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let (frame, rest) = rest.split_at(length);
        text.extend_from_slice(frame);
        bytes = rest;
    }
    String::from_utf8(text).unwrap()
}
