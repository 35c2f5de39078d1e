//! Prometheus takes the shipped configuration and its rules, and their tests hold.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::{Configuration, root, skip_without, skip_without_shipped};

use crate::catalogue::{RULE_FILES, list, parse, rules, test_files};

#[test]
fn prometheus_takes_its_configuration_and_its_rules() {
    for promtool in both_promtools("the configuration of Prometheus") {
        let said = run(&promtool, root(), &["check", "config", "--lint=all", "prometheus.yml"]).unwrap();
        assert!(said.contains("3 rule files found"), "{said}");
        let successes = said.lines().filter_map(|line| line.trim().strip_prefix("SUCCESS: "));
        assert_eq!(successes.filter_map(number).sum::<usize>(), rules().len() + RULE_FILES.len(), "{said}");
        run(&promtool, root(), &[&["check", "rules", "--lint=all", "--lint-fatal"], &RULE_FILES[..]].concat()).unwrap();
    }
}

#[test]
fn the_configuration_does_not_depend_on_where_it_lies() {
    let Some(promtool) = skip_without_shipped("promtool", "the configuration of Prometheus") else { return };
    let copy = Configuration::copy(&["prometheus.yml", "alert_rules.yml", "deploy/prometheus"]);
    copy.replace("prometheus.yml", "inference-service:8000", "127.0.0.1:18000");
    let folder = copy.path("");
    run(&promtool, Path::new("/"), &["check", "config", folder.join("prometheus.yml").to_str().unwrap()]).unwrap();
    copy.replace("alert_rules.yml", "model_loaded == 0", "model_loaded === 0");
    assert!(run(&promtool, &folder, &["check", "config", "prometheus.yml"]).is_err(), "a broken rule is not noticed");
}

#[test]
fn the_targets_for_services_on_the_host_are_found_where_the_readme_says() {
    let Some(promtool) = skip_without_shipped("promtool", "targets from files") else { return };
    let copy = Configuration::copy(&["prometheus.yml", "alert_rules.yml", "deploy/prometheus"]);
    let folder = copy.path("");
    let missing = run(&promtool, &folder, &["check", "config", "prometheus.yml"]).unwrap();
    assert_eq!(missing.matches("WARNING").count(), 2, "{missing}");
    for service in ["inference-service", "logging-service"] {
        let example = copy.path(&format!("deploy/prometheus/targets/{service}.yml.example"));
        std::fs::copy(&example, example.with_extension("")).unwrap();
    }
    let found = run(&promtool, &folder, &["check", "config", "prometheus.yml"]).unwrap();
    assert!(!found.contains("WARNING"), "{found}");
}

#[test]
fn every_job_is_limited_alike_and_the_alert_knows_the_limit() {
    let limits = ["sample_limit", "label_limit", "label_value_length_limit", "body_size_limit", "target_limit"];
    let jobs = list(&parse("prometheus.yml"), "scrape_configs");
    for limit in limits {
        assert!(!jobs[0][limit].is_null(), "{limit} is not set");
        assert!(jobs.iter().all(|job| job[limit] == jobs[0][limit]), "{limit} differs between jobs");
    }
    let alert = rules().into_iter().find(|rule| rule.name() == "CardinalityNearLimit").unwrap();
    let limit = format!("/ {} ", jobs[0]["sample_limit"]);
    assert!(alert.expression().contains(&limit), "{} does not divide by the sample_limit", alert.expression());
}

#[test]
fn every_service_of_the_compose_file_that_has_metrics_is_a_job_at_its_own_name() {
    let ports = [8000, 8001, 9090, 9093, 3000, 3100, 12345, 9100];
    let names = [
        "inference-service",
        "logging-service",
        "prometheus",
        "alertmanager",
        "grafana",
        "loki",
        "alloy",
        "node-exporter",
    ];
    let expected: Vec<_> =
        names.iter().zip(ports).map(|(name, port)| (Value::from(*name), format!("{name}:{port}"))).collect();
    let found: Vec<_> = list(&parse("prometheus.yml"), "scrape_configs")
        .into_iter()
        .map(|job| (job["job_name"].clone(), job["static_configs"][0]["targets"][0].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_tests_of_the_rules_hold() {
    let files = test_files();
    let arguments: Vec<_> = ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    for promtool in both_promtools("what the rules do") {
        run(&promtool, root(), &arguments).unwrap_or_else(|said| panic!("{}: {said}", promtool.display()));
    }
}

/// The promtool of the version that is shipped, and Debian's 2.42: prometheus.yml promises both.
fn both_promtools(what: &str) -> impl Iterator<Item = PathBuf> {
    [skip_without_shipped("promtool", what), skip_without("promtool", &format!("{what} under 2.42"))]
        .into_iter()
        .flatten()
}

/// What promtool says, or how it fails.
fn run(promtool: &Path, folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(promtool).args(arguments).current_dir(folder).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// The number that a text starts with.
fn number(text: &str) -> Option<usize> {
    text.split(' ').next()?.parse().ok()
}
