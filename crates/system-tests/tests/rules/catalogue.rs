//! All rules and all of their tests, read as Prometheus reads them.

use std::fs;

use serde_json::Value;
use testkit::root;

/// The files of rules, those first whose series others need.
pub(crate) const RULE_FILES: [&str; 3] =
    ["deploy/prometheus/recording_rules.yml", "deploy/prometheus/slo_rules.yml", "alert_rules.yml"];
pub(crate) const TEST_FOLDER: &str = "deploy/prometheus/tests";

/// One rule, recording or alerting.
#[derive(Clone)]
pub(crate) struct Rule {
    /// The rule's members, as in its file.
    pub(crate) body: Value,
}

/// One entry of a file of tests.
pub(crate) struct Case {
    /// Time between two evaluations; it holds for all entries of a file.
    pub(crate) every: String,
    pub(crate) body: Value,
}

impl Rule {
    /// The alert's name, or that of the recorded series.
    pub(crate) fn name(&self) -> &str {
        self.body["alert"].as_str().or(self.body["record"].as_str()).expect("a rule has a name")
    }

    pub(crate) fn is_alert(&self) -> bool {
        self.body.get("alert").is_some()
    }

    pub(crate) fn expression(&self) -> &str {
        self.body["expr"].as_str().expect("a rule has an expression")
    }
}

/// Every rule of every file.
pub(crate) fn rules() -> Vec<Rule> {
    let groups = RULE_FILES.iter().flat_map(|file| list(&parse(file), "groups"));
    groups.flat_map(|group| list(&group, "rules")).map(|body| Rule { body }).collect()
}

/// Every entry of every file of tests.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for file in test_files() {
        let file = parse(&file);
        let every = file["evaluation_interval"].as_str().expect("an evaluation interval");
        cases.extend(list(&file, "tests").into_iter().map(|body| Case { every: every.to_owned(), body }));
    }
    cases
}

/// The paths of the files of tests.
pub(crate) fn test_files() -> Vec<String> {
    let folder = fs::read_dir(root().join(TEST_FOLDER)).unwrap();
    let mut files: Vec<_> =
        folder.map(|entry| format!("{TEST_FOLDER}/{}", entry.unwrap().file_name().display())).collect();
    files.sort();
    files
}

/// A YAML file of the repository.
pub(crate) fn parse(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn list(value: &Value, member: &str) -> Vec<Value> {
    value[member].as_array().unwrap_or_else(|| panic!("no list of {member}")).clone()
}
