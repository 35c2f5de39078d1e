//! Proves that the metrics of both services are what Prometheus takes: `promtool` finds nothing to complain of in
//! the classic form, and a real Prometheus scrapes both services in the form that it negotiates, OpenMetrics, and
//! gives the right numbers back, and the traces behind them.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use testkit::{
    HttpRequest, Load, Pair, Prometheus, Shot, alone, free_address, pictures, skip_without_shipped, wait_until,
};

const REQUESTS: usize = 60;
const EXEMPLAR_PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn promtool_has_nothing_to_say_of_either_service() {
    let _alone = alone().await;
    let Some(promtool) = skip_without_shipped("promtool", "the format of the metrics") else { return };
    let pair = busy_pair().await;
    for service in [&pair.inference, &pair.logging] {
        let text = service.get("/metrics").await.text();
        let verdict = check(&promtool, &text);
        assert_eq!(verdict, Ok(String::new()), "{text}");
    }
    let verdict = check(&promtool, "# TYPE made_up counter\nmade_up 1\n");
    assert!(verdict.is_err(), "promtool says nothing of a counter without help and _total: {verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_both_services_and_has_the_right_numbers() {
    let _alone = alone().await;
    let Some(program) = skip_without_shipped("prometheus", "scraping by a real Prometheus") else { return };
    let pair = busy_pair().await;
    for service in [&pair.inference, &pair.logging] {
        let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let answer = service.send(&HttpRequest::get("/metrics").header("accept", accept)).await;
        assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
        assert!(answer.text().ends_with("# EOF\n"));
    }
    let targets = [&pair.inference, &pair.logging].map(|service| format!("'{}'", service.address)).join(", ");
    let folder = TempDir::new().unwrap();
    let configuration = folder.path().join("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
         scrape_configs: [{{ job_name: glasshouse, static_configs: [{{ targets: [{targets}] }}] }}]\n"
    );
    fs::write(&configuration, text).unwrap();
    let prometheus = Prometheus::start(&program, free_address(), &configuration).await;
    for job in ["up == 1", "scrape_samples_scraped > 0"] {
        prometheus.becomes(&format!("count({job})"), 2.0).await;
    }
    let requests = REQUESTS as f64;
    prometheus.becomes("sum(predictions_total)", requests).await;
    prometheus.becomes("sum(prediction_latency_seconds_count)", requests).await;
    prometheus.becomes("sum(prediction_latency_seconds_bucket{le='+Inf'})", requests).await;
    prometheus.becomes("sum(logging_predictions_total)", requests).await;
    prometheus.becomes("prediction_log_delivered_total", requests).await;
    let histogram = "histogram_quantile(0.5, sum by (le) (prediction_latency_seconds_bucket)) > bool 0";
    prometheus.becomes(histogram, 1.0).await;
    let trace = format!("{:032x}", fastrand::u128(1..));
    let shot = Shot::picture("cifar10", &pictures("cifar10")[0]).request();
    let shot = shot.header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(pair.inference.send(&shot).await.status, 200);
    for histogram in ["prediction_latency", "prediction_phase", "http_request_duration"] {
        let what = format!("Prometheus has an exemplar of {histogram} with the trace that was sent");
        wait_until(&what, EXEMPLAR_PATIENCE, async || {
            let exemplars = prometheus.exemplars(&format!("{histogram}_seconds_bucket{{job='glasshouse'}}")).await;
            exemplars.iter().any(|exemplar| exemplar["labels"]["trace_id"] == trace.as_str())
        })
        .await;
    }
    let log = prometheus.daemon.log();
    // Prometheus 3 writes levels in capitals, 2.42 does not.
    let levels = log.to_lowercase();
    assert!(levels.contains("level=info"), "{log}");
    assert!(!levels.contains("level=warn") && !levels.contains("level=error"), "{log}");
}

/// Both services after some traffic, refusals among it.
async fn busy_pair() -> Pair {
    let pair = Pair::start().await;
    let examples = pictures("cifar10");
    let load = Load::closed(2).requests(REQUESTS);
    load.run(&pair.inference, move |number| match number % 6 {
        0 => Shot::new("/predict", "text/plain", "hello"),
        _ => Shot::picture("cifar10", &examples[number % examples.len()]),
    })
    .await;
    assert_eq!(pair.all_delivered().await.delivered, REQUESTS as u64);
    pair
}

/// What `promtool check metrics` says of the text, or how it fails.
fn check(promtool: &Path, text: &str) -> Result<String, String> {
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(format!("{}: {said}", output.status)) }
}
