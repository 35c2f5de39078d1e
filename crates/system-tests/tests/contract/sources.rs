//! Where the repository asks Prometheus for something.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use testkit::{documented_queries, documents, root};

/// A query, where it stands, and the labels that the text beside it shows of the result.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) place: String,
    pub(crate) query: String,
    pub(crate) shown: BTreeSet<String>,
}

/// A rule of Prometheus.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// Else it records a series.
    pub(crate) is_alert: bool,
    /// The labels that the rule itself gives.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) question: Question,
}

/// Every rule.
pub(crate) fn rules() -> Vec<Rule> {
    let mut files = vec!["alert_rules.yml".to_owned()];
    files.extend(folder("deploy/prometheus", "yml"));
    let mut rules = Vec::new();
    for file in files {
        let content = yaml(&file);
        for rule in list(&content, "/groups").iter().flat_map(|group| list(group, "/rules")) {
            let alert = rule["alert"].as_str();
            let name = alert.or(rule["record"].as_str()).unwrap_or_else(|| panic!("{file}: {rule}")).to_owned();
            let labels = rule["labels"].as_object().into_iter().flatten();
            let annotations = rule["annotations"].as_object().into_iter().flatten();
            let question = Question {
                place: format!("{file}: {name}"),
                query: text(rule, "/expr"),
                shown: annotations.flat_map(|(_, text)| after(text.as_str().unwrap(), "$labels.")).collect(),
            };
            let labels = labels.map(|(label, value)| (label.clone(), value.as_str().unwrap().to_owned())).collect();
            rules.push(Rule { name, is_alert: alert.is_some(), labels, question });
        }
    }
    rules
}

/// Every query of the dashboards: of panels, annotations and variables.
pub(crate) fn dashboards() -> Vec<Question> {
    let mut questions = Vec::new();
    for file in folder("dashboards", "json") {
        let dashboard: Value = serde_json::from_str(&read(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        collect(&dashboard, false, &file, &mut questions);
        for variable in list(&dashboard, "/templating/list") {
            if variable["datasource"]["uid"] == "prometheus" {
                let query = text(variable, "/query/query");
                let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
                let (selector, label) =
                    inner.and_then(|rest| rest.rsplit_once(", ")).expect("label_values of a metric");
                let shown = [label.to_owned()].into();
                questions.push(Question { place: format!("{file}: {query}"), query: selector.to_owned(), shown });
            }
        }
    }
    questions
}

/// Every query of the documents.
pub(crate) fn of_documents() -> Vec<Question> {
    let queries = documents().into_iter().flat_map(|file| documented_queries(&file));
    queries.map(|query| Question { place: query.place, query: query.text, shown: BTreeSet::new() }).collect()
}

/// The series that the tests of the rules make up.
pub(crate) fn made_up_series() -> Vec<Question> {
    let mut questions = Vec::new();
    for file in folder("deploy/prometheus/tests", "yml") {
        let content = yaml(&file);
        let tests = list(&content, "/tests").iter();
        for series in tests.flat_map(|test| test["input_series"].as_array().into_iter().flatten()) {
            let query = text(series, "/series");
            questions.push(Question { place: file.clone(), query, shown: BTreeSet::new() });
        }
    }
    questions
}

/// What a central server takes over.
pub(crate) fn federated() -> Vec<Question> {
    let file = "deploy/federation/prometheus.yml";
    let content = yaml(file);
    let jobs = list(&content, "/scrape_configs").iter();
    let matches = jobs.flat_map(|job| job["params"]["match[]"].as_array().into_iter().flatten());
    let question = |query: &Value| query.as_str().unwrap().to_owned();
    matches.map(|query| Question { place: file.into(), query: question(query), shown: BTreeSet::new() }).collect()
}

/// What Kubernetes scales on.
pub(crate) fn scaled_on() -> Vec<Question> {
    let mut questions = Vec::new();
    let file = "deploy/kubernetes/base/inference-service/autoscaler.yaml";
    for metric in list(&yaml(file), "/spec/metrics").iter().filter(|metric| metric["type"] == "Pods") {
        questions.push((file, text(metric, "/pods/metric/name")));
    }
    let file = "deploy/kubernetes/prometheus-adapter/values.yaml";
    for rule in list(&yaml(file), "/rules/custom") {
        questions.push((file, text(rule, "/seriesQuery")));
    }
    let question = |(file, query): (&str, String)| Question { place: file.to_owned(), query, shown: BTreeSet::new() };
    questions.into_iter().map(question).collect()
}

/// The targets and annotations below this value; `prometheus` says whether the data source around it is that.
fn collect(json: &Value, prometheus: bool, place: &str, questions: &mut Vec<Question>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| collect(item, prometheus, place, questions)),
        Value::Object(members) => {
            let prometheus = members.get("datasource").map_or(prometheus, |source| source["uid"] == "prometheus");
            let title = members.get("title").and_then(Value::as_str);
            let place = &title.map_or_else(|| place.to_owned(), |title| format!("{place}: {title}"));
            if let (true, Some(query)) = (prometheus, members.get("expr").and_then(Value::as_str)) {
                let texts = ["legendFormat", "titleFormat", "textFormat"].map(|name| members.get(name));
                let shown = texts.into_iter().flatten().filter_map(Value::as_str).flat_map(|text| after(text, "{{"));
                let query = filled_in(query);
                questions.push(Question { place: place.clone(), query, shown: shown.collect() });
            }
            members.values().for_each(|member| collect(member, prometheus, place, questions));
        }
        _ => {}
    }
}

/// A query with something in place of each variable of Grafana: a time, or what every value matches.
fn filled_in(query: &str) -> String {
    let query = query.replace("$__rate_interval", "1m").replace("$__range", "1h");
    let mut parts = query.split('$');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
        filled.push_str(".*");
        filled.push_str(rest);
    }
    filled
}

/// The names that follow a text wherever it occurs.
fn after(text: &str, what: &str) -> Vec<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names = text.split(what).skip(1).map(|rest| rest.trim_start().split(|letter| !is_name(letter)).next());
    names.flatten().filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The files of a folder with this ending, sorted.
fn folder(path: &str, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(path)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|file| file.extension().is_some_and(|end| end == ending)).collect();
    files.sort();
    assert!(!files.is_empty(), "{path} has no .{ending}");
    files.iter().map(|file| format!("{path}/{}", file.file_name().unwrap().to_str().unwrap())).collect()
}

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn text(json: &Value, pointer: &str) -> String {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} of {json}")).to_owned()
}

fn list<'a>(json: &'a Value, pointer: &str) -> &'a [Value] {
    json.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer} of {json}"))
}
