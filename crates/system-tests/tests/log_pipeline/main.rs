//! Proves the way of the logs, up to the door of Loki, which cannot run here: Alloy's configuration is as its language
//! and its documents say; Alloy and Promtail do the same; real lines of both services come out with exactly three
//! labels, their own time and their ids; every field that a query uses is in some line; Loki's settings hold together.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod alloy;
mod alloy_tokens;
mod logql;
mod loki;
mod pipeline;
mod queries;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use alloy::Block;
use logql::Names;
use pipeline::{Pipeline, Stage};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{LogLine, Pair, alone, copy_model, pictures, root};

/// The labels of a line, and their values where these are known beforehand.
const LABELS: [(&str, &[&str]); 3] = [
    ("env", &[]),
    ("level", &["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]),
    ("service", &["inference-service", "logging-service"]),
];

#[test]
fn alloys_configuration_is_as_its_language_and_its_documents_say() {
    let text = text("deploy/alloy/config.alloy");
    assert_eq!(complaints(&text), Vec::<String>::new());
    for (right, wrong) in [
        ("url                 =", "uri ="),
        ("stage.labels {", "stage.label {"),
        ("[loki.process.lines.receiver]", "[loki.process.line.receiver]"),
        ("source = \"timestamp\"\n", "source = \"timestamp\","),
        ("\t\tformat = \"RFC3339Nano\"\n", ""),
        ("loki.write \"loki\" {", "loki.write {"),
        ("sys.env(", "env("),
        ("\t}\n}\n", "\t}\n"),
        ("trace_id      = \"trace_id\",", "trace_id      = \"trace_id\""),
    ] {
        assert!(text.contains(right), "{right}");
        assert_ne!(complaints(&text.replacen(right, wrong, 1)), Vec::<String>::new(), "{wrong:?} for {right:?}");
    }
}

#[test]
fn promtail_does_what_alloy_does() {
    assert_eq!(promtail(), shipped());
}

#[test]
fn lines_go_from_the_engines_guard_to_loki_and_are_never_given_up() {
    let (pipeline, compose) = (shipped(), yaml("docker-compose.monitoring.yml"));
    assert_eq!(pipeline.engine, "tcp://docker-socket-proxy:2375");
    assert_eq!(pipeline.loki, "http://loki:3100/loki/api/v1/push");
    assert_eq!(pipeline.retries, 0);
    assert_eq!(pipeline.filter, "glasshouse.env=${GLASSHOUSE_ENV}");
    for reader in ["alloy", "promtail"] {
        assert_eq!(compose["services"][reader]["environment"]["GLASSHOUSE_ENV"], "${GLASSHOUSE_ENV:-local}");
    }
    let services = compose["services"].as_object().unwrap();
    let shipped = services.iter().filter(|(_, service)| service["labels"].is_object()).map(|(name, service)| {
        assert_eq!(service["labels"]["glasshouse.env"], "${GLASSHOUSE_ENV:-local}", "{name}");
        name.as_str()
    });
    assert_eq!(shipped.collect::<BTreeSet<_>>(), BTreeSet::from(["inference-service", "logging-service"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn real_lines_arrive_with_three_labels_their_own_time_and_their_ids() {
    let _alone = alone().await;
    let pipeline = shipped();
    let taken: BTreeSet<&String> = pipeline
        .stages
        .iter()
        .filter_map(|stage| if let Stage::Json(members) = stage { Some(members.values()) } else { None })
        .flatten()
        .collect();
    let mut seen = BTreeSet::new();
    for line in real_lines().await {
        let service = line["service"].as_str().unwrap();
        let entry = pipeline.read(&line.to_string(), &pipeline.labels_of(&container(service)));
        let labels: Vec<&str> = entry.labels.keys().map(String::as_str).collect();
        assert_eq!(labels, LABELS.map(|(name, _)| name), "{line}");
        assert_eq!(entry.labels["service"], service);
        assert_eq!(entry.labels["env"], "local");
        assert_eq!(entry.labels["level"], line["level"].as_str().unwrap());
        assert_eq!(entry.timestamp.as_deref(), line["timestamp"].as_str());
        assert!(is_rfc_3339(entry.timestamp.as_ref().unwrap()), "{line}");
        for (name, value) in &entry.metadata {
            assert_eq!(Some(value.as_str()), line[name].as_str(), "{line}");
        }
        for id in ["request_id", "trace_id", "model", "error_type"] {
            assert_eq!(entry.metadata.contains_key(id), line.get(id).is_some(), "{id} of {line}");
        }
        seen.extend(line.as_object().unwrap().keys().cloned());
    }
    let missing: Vec<_> = taken.into_iter().filter(|member| !seen.contains(*member)).collect();
    assert!(missing.is_empty(), "no line has {missing:?}");
    assert_eq!(
        pipeline.stages.iter().find_map(|stage| if let Stage::Timestamp { format, .. } = stage {
            Some(format)
        } else {
            None
        }),
        Some(&"RFC3339Nano".to_owned())
    );
}

#[test]
fn a_line_that_is_no_json_keeps_the_labels_of_its_container() {
    let pipeline = shipped();
    let entry =
        pipeline.read("thread panicked while processing panic", &pipeline.labels_of(&container("inference-service")));
    let expected =
        [("env", "local"), ("service", "inference-service")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(entry.labels, BTreeMap::from(expected));
    assert_eq!((entry.timestamp, entry.metadata.len()), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_query_is_in_some_line() {
    let _alone = alone().await;
    let members: BTreeSet<String> =
        real_lines().await.iter().flat_map(|line| line.as_object().unwrap().keys().cloned()).collect();
    let metadata = shipped().stages.into_iter().find_map(|stage| match stage {
        Stage::StructuredMetadata(metadata) => Some(metadata.into_keys().collect::<BTreeSet<_>>()),
        _ => None,
    });
    let beside: BTreeSet<String> =
        metadata.unwrap().into_iter().chain(LABELS.map(|(name, _)| name.to_owned())).collect();
    let queries = queries::all();
    assert!(!queries.is_empty(), "no dashboard has a query for Loki");
    for (place, query) in queries {
        let names = Names::of(&query);
        assert!(!names.labels.is_empty(), "{place} selects no stream: {query}");
        for (label, values) in &names.labels {
            let known = LABELS.iter().find(|(name, _)| name == label).map(|(_, values)| *values);
            let known = known.unwrap_or_else(|| panic!("{place}: there is no label {label}: {query}"));
            let is_known = |value: &str| value.starts_with(['$', '.']) || known.contains(&value) || known.is_empty();
            assert!(values.split('|').all(is_known), "{place}: {label} is never {values}: {query}");
        }
        let unknown: Vec<_> = names.taken.values().filter(|member| !members.contains(*member)).collect();
        assert!(unknown.is_empty(), "{place}: no line has {unknown:?}: {query}");
        let known = |field: &String| {
            beside.contains(field) || names.taken.contains_key(field) || (names.takes_all && members.contains(field))
        };
        let unknown: Vec<_> = names.fields.iter().filter(|field| !known(field)).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?} is nowhere: {query}");
    }
}

fn complaints(text: &str) -> Vec<String> {
    match Block::parse(text) {
        Ok(file) => vocabulary::complaints(&file),
        Err(complaint) => vec![complaint],
    }
}

fn shipped() -> Pipeline {
    Pipeline::of_alloy(&Block::parse(&text("deploy/alloy/config.alloy")).unwrap())
}

fn promtail() -> Pipeline {
    Pipeline::of_promtail(&yaml("deploy/promtail/promtail.yml"))
}

/// The labels that a container of this service has.
fn container(service: &str) -> BTreeMap<String, String> {
    let labels = [("com.docker.compose.service", service), ("glasshouse.env", "local")];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Lines of both services that tell of everything usual: starts, answers, refusals of many kinds, a broken model, records.
async fn real_lines() -> Vec<LogLine> {
    let models = TempDir::new().unwrap();
    for model in ["cifar10", "surface"] {
        copy_model(model, models.path(), model);
    }
    copy_model("surface", models.path(), "broken");
    fs::write(models.path().join("broken/1/model.onnx"), "no model").unwrap();
    let pair = Pair::start_with(|inference| inference.models(models.path())).await;
    for model in ["cifar10", "surface"] {
        for picture in pictures(model) {
            let path = format!("/predict?model={model}");
            assert_eq!(pair.inference.post(&path, picture.content_type, picture.bytes).await.status, 200);
        }
    }
    for (path, body, status) in [
        ("/predict?model=cifar10", "no picture", 422),
        ("/predict?model=nobody", "no picture", 404),
        ("/predict?model=broken", "no picture", 503),
        ("/nowhere", "", 404),
    ] {
        assert_eq!(pair.inference.post(path, "image/png", body).await.status, status, "{path}");
    }
    assert_eq!(pair.logging.post("/log", "application/json", "{}").await.status, 422);
    assert_eq!(pair.logging.get("/predictions?limit=none").await.status, 400);
    pair.all_delivered().await;
    let mut lines = pair.inference.log_lines().await;
    lines.extend(pair.logging.log_lines().await);
    lines
}

/// Whether this is a time as Go's RFC3339Nano reads it.
fn is_rfc_3339(time: &str) -> bool {
    let pattern: String =
        time.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    pattern == "0000-00-00T00:00:00.000000Z"
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A YAML file of the repository.
fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
