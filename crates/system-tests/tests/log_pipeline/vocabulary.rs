//! What Alloy v1.18 documents of the components in use: their attributes, and what they export.

use std::collections::BTreeSet;

use crate::alloy::{Block, Value};

/// The names of the blocks from the outside to the inside, the attributes that must be there, and the attributes that may be there.
const BLOCKS: [(&str, &[&str], &[&str]); 14] = [
    ("logging", &[], &["level", "format"]),
    ("discovery.docker", &["host"], &["refresh_interval", "port", "match_first_network", "host_networking_host"]),
    ("discovery.docker filter", &["name", "values"], &[]),
    ("discovery.relabel", &["targets"], &[]),
    (
        "discovery.relabel rule",
        &[],
        &["source_labels", "target_label", "regex", "replacement", "separator", "action", "modulus"],
    ),
    ("loki.source.docker", &["host", "targets", "forward_to"], &["labels", "refresh_interval", "relabel_rules"]),
    ("loki.process", &["forward_to"], &[]),
    ("loki.process stage.json", &["expressions"], &["drop_malformed", "source"]),
    ("loki.process stage.timestamp", &["source", "format"], &["action_on_failure", "fallback_formats", "location"]),
    ("loki.process stage.labels", &["values"], &[]),
    ("loki.process stage.structured_metadata", &["values"], &[]),
    ("loki.process stage.label_keep", &["values"], &[]),
    ("loki.write", &[], &["external_labels", "max_streams"]),
    (
        "loki.write endpoint",
        &["url"],
        &[
            "batch_size",
            "batch_wait",
            "min_backoff_period",
            "max_backoff_period",
            "max_backoff_retries",
            "remote_timeout",
        ],
    ),
];
/// What a component of each kind exports.
const EXPORTS: [(&str, &str); 4] = [
    ("discovery.docker", "targets"),
    ("discovery.relabel", "output"),
    ("loki.process", "receiver"),
    ("loki.write", "receiver"),
];

/// What in a configuration is not as documented: unknown or missing attributes, references to nothing.
pub(crate) fn complaints(file: &Block) -> Vec<String> {
    let mut complaints = Vec::new();
    if !file.attributes.is_empty() {
        complaints.push(format!("attributes outside of any block: {:?}", file.attributes.keys()));
    }
    let exports: BTreeSet<String> = file
        .blocks
        .iter()
        .flat_map(|block| {
            let of_its_kind = EXPORTS.iter().filter(move |(kind, _)| *kind == block.name);
            of_its_kind.map(move |(kind, export)| format!("{kind}.{}.{export}", block.label))
        })
        .collect();
    for block in &file.blocks {
        if block.label.is_empty() != (block.name == "logging") {
            complaints.push(format!("{} has the label {:?}", block.name, block.label));
        }
        check(block, &block.name, &exports, &mut complaints);
    }
    complaints
}

fn check(block: &Block, path: &str, exports: &BTreeSet<String>, complaints: &mut Vec<String>) {
    let Some((_, required, optional)) = BLOCKS.iter().find(|(name, ..)| *name == path) else {
        complaints.push(format!("there is no block {path}"));
        return;
    };
    for name in *required {
        if !block.attributes.contains_key(*name) {
            complaints.push(format!("{path} has no {name}"));
        }
    }
    for (name, value) in &block.attributes {
        if !required.contains(&name.as_str()) && !optional.contains(&name.as_str()) {
            complaints.push(format!("{path} knows no {name}"));
        }
        check_value(value, exports, complaints);
    }
    for inner in &block.blocks {
        check(inner, &format!("{path} {}", inner.name), exports, complaints);
    }
}

fn check_value(value: &Value, exports: &BTreeSet<String>, complaints: &mut Vec<String>) {
    match value {
        Value::Text(_) | Value::Number(_) => {}
        Value::List(values) | Value::Sum(values) => {
            values.iter().for_each(|value| check_value(value, exports, complaints));
        }
        Value::Object(members) => members.values().for_each(|value| check_value(value, exports, complaints)),
        Value::Reference(name) => {
            if !exports.contains(name) {
                complaints.push(format!("nothing exports {name}"));
            }
        }
        Value::Call(name, arguments) => {
            if name != "sys.env" || arguments.len() != 1 {
                complaints.push(format!("there is no function {name} with {} arguments", arguments.len()));
            }
        }
    }
}
