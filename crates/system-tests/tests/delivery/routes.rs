//! Which channel is told of which alert, and that the routes know the severity of every rule.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use testkit::{Configuration, skip_without_shipped};

use crate::alertmanager::FILE;

const RULES: [&str; 2] = ["alert_rules.yml", "deploy/prometheus/slo_rules.yml"];

/// What `amtool` says, or how it fails.
fn amtool(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

#[test]
fn amtool_accepts_the_configuration_switched_off_and_switched_on() {
    let Some(program) = skip_without_shipped("amtool", "Alertmanager's configuration") else { return };
    let configuration = Configuration::copy(&["deploy/alertmanager"]);
    let check = || amtool(&program, &["check-config", configuration.path(FILE).to_str().unwrap()]);
    let verdict = check().unwrap();
    assert!(verdict.contains("1 templates"), "{verdict}");
    configuration.replace(FILE, crate::alertmanager::OFF, crate::alertmanager::ON);
    check().unwrap();
    configuration.replace(FILE, "receiver: slack", "receiver: nobody");
    assert!(check().unwrap_err().contains("undefined receiver"));
}

#[test]
fn every_severity_reaches_those_whom_it_concerns() {
    let Some(program) = skip_without_shipped("amtool", "who is told of which alert") else { return };
    let configuration = Configuration::copy(&["deploy/alertmanager"]);
    let file = format!("--config.file={}", configuration.path(FILE).display());
    let told = |labels: &[&str]| {
        let arguments = [&["config", "routes", "test", file.as_str()], labels].concat();
        amtool(&program, &arguments).unwrap().trim().to_owned()
    };
    assert_eq!(told(&["alertname=Watchdog", "severity=none"]), "dead-mans-switch");
    assert_eq!(told(&["alertname=ServiceDown", "job=loki", "severity=critical"]), "screen,email,slack");
    assert_eq!(told(&["alertname=HighErrorRate", "job=inference-service", "severity=warning"]), "screen,slack");
    assert_eq!(told(&["alertname=Anything", "severity=info"]), "screen");
    assert_eq!(told(&["alertname=Anything"]), "screen");
}

#[test]
fn every_severity_of_a_rule_is_one_of_those() {
    let severities = values_in_rules("severity: ");
    let known = ["critical", "info", "none", "warning"].map(str::to_owned);
    assert!(severities.is_superset(&["critical", "warning"].map(str::to_owned).into()), "{severities:?}");
    assert!(severities.is_subset(&known.into()), "{severities:?}");
}

#[test]
fn every_alert_that_the_configuration_names_has_a_rule() {
    let configuration = Configuration::copy(&["deploy/alertmanager"]).text(FILE);
    let rules = values_in_rules("- alert: ");
    let after_name = configuration.split("alertname").skip(1);
    let quoted = after_name.filter(|text| text.starts_with(['=', '!'])).filter_map(|text| text.split('"').nth(1));
    let named: BTreeSet<String> = quoted.flat_map(|names| names.split('|')).map(str::to_owned).collect();
    assert!(named.contains("Watchdog") && named.contains("ServiceDown"), "{named:?}");
    assert!(named.is_subset(&rules), "no rule: {:?}", named.difference(&rules));
}

/// The values that stand behind a key on lines of the rule files.
fn values_in_rules(key: &str) -> BTreeSet<String> {
    let files = Configuration::copy(&RULES);
    let texts = RULES.map(|file| files.text(file)).concat();
    texts.lines().filter_map(|line| line.trim_start().strip_prefix(key)).map(str::to_owned).collect()
}
