//! Proves that the shipped central configuration federates: what two installations record, whether their targets are
//! up and which alerts they have arrives at a third Prometheus, told apart by `env`, with the values and labels of its
//! origin; and nothing else arrives.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use testkit::{
    Configuration, Launch, Load, Prometheus, Service, Shot, Targets, alone, free_address, pictures,
    skip_without_shipped, wait_until,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A minute of the shipped configuration takes two seconds here.
const FASTER: u64 = 30;

const CENTRAL: &str = "deploy/federation/prometheus.yml";

/// Everything that an installation has recorded.
const RECORDED: &str = r#"{__name__=~".+:.+"}"#;

/// What may not come from an installation.
const UNASKED: &str = r#"{__name__!~"(job|model).*:.*|up|ALERTS|scrape_.*", env=~"prod|staging"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_central_server_has_what_two_installations_record_and_nothing_else() {
    let _alone = alone().await;
    let Some(program) = skip_without_shipped("prometheus", "federation") else { return };
    let (prod, staging) = (Installation::start(&program, "prod").await, Installation::start(&program, "staging").await);
    prod.predicts("cifar10").await;
    staging.predicts("surface").await;
    let central = central(&program, &prod, &staging).await;

    // What has been recorded there is here.
    for installation in [&prod, &staging] {
        let env = installation.env;
        wait_until(&format!("every recorded series of {env} is federated"), PATIENCE, async || {
            let there = names_of(&installation.prometheus.samples(RECORDED).await);
            let here = names_of(&central.samples(&format!(r#"{{__name__=~".+:.+", env="{env}"}}"#)).await);
            there.len() > 30 && here.is_superset(&there)
        })
        .await;
    }
    let predicted = |env: &str, model: &str| {
        format!(r#"count(job_model:predictions:rate5m{{env="{env}", job="inference-service", model="{model}"}} > 0)"#)
    };
    central.becomes(&predicted("prod", "cifar10"), 1.0).await;
    central.becomes(&predicted("staging", "surface"), 1.0).await;
    for (env, model) in [("prod", "surface"), ("staging", "cifar10")] {
        let other = format!(r#"job_model:predictions:rate5m{{env="{env}", model="{model}"}} > 0"#);
        assert_eq!(central.samples(&other).await, [Value::Null; 0], "{env} has predictions of the other installation");
    }
    assert_same_samples(&prod, &central).await;

    // Whether targets are up, under the job and instance that they have there, and the alerts.
    for installation in [&prod, &staging] {
        let (env, instance) = (installation.env, installation.inference.address);
        let up = format!(r#"up{{env="{env}", job="inference-service", instance="{instance}"}}"#);
        central.becomes(&up, 1.0).await;
        central.becomes(&format!(r#"count(up{{env="{env}", job="federation"}} == 1)"#), 1.0).await;
        central.becomes(&format!(r#"count(ALERTS{{env="{env}", alertname="Watchdog"}})"#), 1.0).await;
        // There is no listener at the address of its logging service.
        let down = r#"alertname="ServiceDown", alertstate="firing", job="logging-service""#;
        central.becomes(&format!(r#"count(ALERTS{{env="{env}", {down}}})"#), 1.0).await;
    }

    // Nothing else, although the installations have much more.
    assert!(!prod.prometheus.samples("prediction_latency_seconds_bucket").await.is_empty());
    assert_eq!(central.samples(UNASKED).await, [Value::Null; 0]);
    assert_eq!(central.samples(r#"{__name__=~"exported_.*"}"#).await, [Value::Null; 0]);
    assert_eq!(central.samples(r#"{exported_job=~".+"}"#).await, [Value::Null; 0]);
}

/// An inference service and a Prometheus that scrapes it.
struct Installation {
    env: &'static str,
    inference: Service,
    prometheus: Prometheus,
}

impl Installation {
    async fn start(program: &Path, env: &'static str) -> Self {
        let inference = Launch::inference().start().await;
        let configuration = Configuration::copy(&["prometheus.yml", "alert_rules.yml", "deploy/prometheus"]);
        configuration.replace("prometheus.yml", "env: local", &format!("env: {env}"));
        configuration.divide("prometheus.yml", &["scrape_interval", "scrape_timeout", "evaluation_interval"], FASTER);
        configuration.divide("alert_rules.yml", &["interval", "for"], FASTER);
        for file in ["recording_rules.yml", "slo_rules.yml"] {
            configuration.divide(&format!("deploy/prometheus/{file}"), &["interval"], FASTER);
        }
        let address = free_address();
        let targets =
            Targets { inference: inference.address, logging: free_address(), prometheus: address, alertmanager: None };
        targets.write_into(&configuration);
        let prometheus = Prometheus::start(program, address, &configuration.path("prometheus.yml")).await;
        Self { env, inference, prometheus }
    }

    /// Has predictions made until they are in a recorded series.
    async fn predicts(&self, model: &'static str) {
        let recorded = format!(r#"count(job_model:predictions:rate5m{{model="{model}"}} > 0)"#);
        self.prometheus.becomes(r#"count(up{job="inference-service"} == 1)"#, 1.0).await;
        let examples = pictures(model);
        let load = Load::closed(1).requests(20);
        load.run(&self.inference, move |number| Shot::picture(model, &examples[number % examples.len()])).await;
        self.prometheus.becomes(&recorded, 1.0).await;
    }
}

/// Starts the central server on the shipped file, with the addresses of the installations.
async fn central(program: &Path, prod: &Installation, staging: &Installation) -> Prometheus {
    let configuration = Configuration::copy(&[CENTRAL]);
    configuration.divide(CENTRAL, &["scrape_interval", "scrape_timeout", "evaluation_interval"], FASTER);
    let address = free_address();
    configuration.replace(CENTRAL, "prometheus-prod:9090", &prod.prometheus.daemon.address.to_string());
    configuration.replace(CENTRAL, "prometheus-staging:9090", &staging.prometheus.daemon.address.to_string());
    configuration.replace(CENTRAL, "localhost:9090", &address.to_string());
    Prometheus::start(program, address, &configuration.path(CENTRAL)).await
}

fn names_of(samples: &[Value]) -> BTreeSet<String> {
    samples.iter().map(|sample| sample["metric"]["__name__"].as_str().unwrap().to_owned()).collect()
}

/// Every sample of a recorded series, with its time and value, is in the series of the same labels at the installation.
async fn assert_same_samples(installation: &Installation, central: &Prometheus) {
    let env = installation.env;
    let here = central.samples(&format!(r#"job_model:predictions:rate5m{{env="{env}"}}[1m]"#)).await;
    let there = installation.prometheus.samples("job_model:predictions:rate5m[5m]").await;
    assert_eq!(here.len(), there.len(), "{here:?} {there:?}");
    for mut series in here {
        series["metric"].as_object_mut().unwrap().retain(|label, _| label != "env");
        let original = there.iter().find(|original| original["metric"] == series["metric"]);
        let original =
            original.unwrap_or_else(|| panic!("{} is not there", series["metric"]))["values"].as_array().unwrap();
        let values = series["values"].as_array().unwrap();
        assert!(!values.is_empty() && values.iter().all(|value| original.contains(value)), "{values:?} {original:?}");
    }
}
