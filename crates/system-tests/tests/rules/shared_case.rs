//! The rule test of `../shared/cases`, held against the rules as they are. `GLASSHOUSE_SHARED` names another place for it.
//!
//! Rule of thumb: it says which alerts fire, and nothing of their sentences, which are the matter of our own tests.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{root, skip_without_shipped};

use crate::catalogue::{RULE_FILES, list};

const FILE: &str = "cases/log/calibration-poor-no-confidence.test.yml";

#[test]
fn predictions_without_confidences_and_restarts_alarm_as_they_should() {
    let Some(promtool) = skip_without_shipped("promtool", "the rule test among the cases") else { return };
    let Some(mut whole) = case() else { return };
    let rule_files = RULE_FILES.map(|file| root().join(file).display().to_string());
    whole["rule_files"] = json!(rule_files);
    let mut expected = 0;
    for test in whole["tests"].as_array_mut().unwrap() {
        let alerts: Vec<Value> = list(test, "alert_rule_test").iter().map(as_query).collect();
        expected += alerts.len();
        let members = test.as_object_mut().unwrap();
        members.remove("alert_rule_test");
        members.insert("promql_expr_test".to_owned(), alerts.into());
    }
    assert!(expected >= 8, "{whole}");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("case.yml");
    // JSON is YAML.
    std::fs::write(&file, whole.to_string()).unwrap();
    let output = Command::new(promtool).args(["test", "rules"]).arg(&file).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

/// The file; or a line that says that it is skipped.
fn case() -> Option<Value> {
    let shared = std::env::var_os("GLASSHOUSE_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let file = shared.join(FILE);
    let Ok(text) = std::fs::read_to_string(&file) else {
        let sentence = format!("SKIPPED: {} is not there, so its rule test is not run\n", file.display());
        let _ = std::io::stderr().write_all(sentence.as_bytes());
        return None;
    };
    Some(serde_saphyr::from_str(&text).unwrap())
}

/// The alerts that fire, with the labels that the file names.
fn as_query(item: &Value) -> Value {
    let name = item["alertname"].as_str().unwrap();
    let firing = |alert: &Value| {
        let labels = alert["exp_labels"].as_object().unwrap().iter();
        let labels: Vec<String> = labels.map(|(label, value)| format!("{label}={value}")).collect();
        let all = [&labels[..], &[format!("alertname={name:?}"), "alertstate=\"firing\"".to_owned()]].concat();
        json!({ "labels": format!("ALERTS{{{}}}", all.join(",")), "value": 1 })
    };
    let expected: Vec<Value> = item["exp_alerts"].as_array().unwrap().iter().map(firing).collect();
    let query = format!("ALERTS{{alertname={name:?}, alertstate=\"firing\"}}");
    json!({ "expr": query, "eval_time": item["eval_time"], "exp_samples": expected })
}
