//! Every alert says who is told, what is the matter and where to read on; every runbook is one of an alert.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{root, skip_without_shipped};

use crate::catalogue::{Rule, parse, rules};

const SECTIONS: [&str; 4] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];
const DASHBOARDS: [&str; 7] = ["overview", "inference", "logging", "model-quality", "slo", "logs", "stack"];
const SEED: [&str; 7] = [
    "HighErrorRate",
    "ModelNotLoaded",
    "SlowPredictions",
    "DatabaseNotAccessible",
    "HighDefectRate",
    "ServiceDown",
    "HighHTTPErrorRate",
];

#[test]
fn every_alert_has_its_labels_and_annotations() {
    for alert in alerts() {
        let (name, labels, annotations) = (alert.name(), &alert.body["labels"], &alert.body["annotations"]);
        let severity = labels["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info", "none"].contains(&severity), "{name}: severity {severity:?}");
        assert_eq!(labels["team"], "ml-platform", "{name}");
        assert_eq!(members(annotations), ["dashboard_url", "description", "runbook_url", "summary"], "{name}");
        for sentence in ["summary", "description"] {
            let sentence = annotations[sentence].as_str().unwrap();
            assert!(sentence.len() > 10 && !sentence.contains('\n'), "{name}: {sentence:?}");
        }
        let dashboard = annotations["dashboard_url"].as_str().unwrap();
        let known = DASHBOARDS.iter().any(|uid| dashboard == format!("http://localhost:3000/d/glasshouse-{uid}"));
        assert!(known, "{name}: there is no dashboard {dashboard}");
        assert_eq!(annotations["runbook_url"], format!("docs/runbooks/{name}.md"));
    }
}

#[test]
fn no_two_alerts_look_alike() {
    let mut seen = BTreeMap::new();
    for alert in alerts() {
        let key = (alert.name().to_owned(), alert.body["labels"].to_string());
        assert_eq!(seen.insert(key, ()), None, "{} is there twice with the same labels", alert.name());
    }
}

#[test]
fn the_first_seven_alerts_keep_their_names_and_groups() {
    let groups = parse("alert_rules.yml");
    let of = |group: &str| {
        let groups = groups["groups"].as_array().unwrap();
        let group = groups.iter().find(|found| found["name"] == group).unwrap();
        group["rules"].as_array().unwrap().iter().map(|rule| rule["alert"].as_str().unwrap()).collect::<Vec<_>>()
    };
    for (group, names) in
        [("inference_service", &SEED[..3]), ("logging_service", &SEED[3..5]), ("system_health", &SEED[5..])]
    {
        assert!(names.iter().all(|name| of(group).contains(name)), "{group} lacks one of {names:?}");
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let alerts: BTreeSet<_> = alerts().iter().map(|alert| format!("{}.md", alert.name())).collect();
    let folder = fs::read_dir(root().join("docs/runbooks")).unwrap();
    let pages: BTreeSet<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(pages, alerts);
}

#[test]
fn every_runbook_has_its_four_sections_and_something_to_run() {
    for alert in alerts() {
        let page = fs::read_to_string(root().join(format!("docs/runbooks/{}.md", alert.name()))).unwrap();
        let name = alert.name();
        assert!(page.starts_with(&format!("# {name}\n")), "{name}: the title");
        let headings: Vec<_> = page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, SECTIONS, "{name}");
        for (heading, text) in headings.iter().zip(page.split("\n## ").skip(1)) {
            let (_, text) = text.split_once('\n').unwrap();
            assert!(text.trim().len() > 30, "{name}: nothing is said under {heading}");
        }
        let diagnosis = page.split("## Diagnosis").nth(1).unwrap().split("## ").next().unwrap();
        assert!(diagnosis.contains("```promql") || diagnosis.contains("```bash"), "{name}: nothing to run");
    }
}

#[test]
fn every_query_of_a_runbook_is_promql() {
    let Some(promtool) = skip_without_shipped("promtool", "the queries of the runbooks") else { return };
    let mut queries = Vec::new();
    for alert in alerts() {
        let page = fs::read_to_string(root().join(format!("docs/runbooks/{}.md", alert.name()))).unwrap();
        let blocks = page.split("```promql\n").skip(1).map(|block| block.split("```").next().unwrap());
        queries.extend(blocks.map(|query| json!({ "record": "query", "expr": query })));
    }
    assert!(queries.len() > 50);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("queries.yml");
    fs::write(&file, json!({ "groups": [{ "name": "runbooks", "rules": queries }] }).to_string()).unwrap();
    let output = Command::new(promtool).args(["check", "rules", "--lint=none"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn alerts() -> Vec<Rule> {
    rules().into_iter().filter(Rule::is_alert).collect()
}

/// The names of an object's members, sorted.
fn members(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}
