//! What becomes of a line between a container and Loki, as Alloy's and Promtail's configuration say it.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::alloy::{Block, Value};

/// The way of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// The Docker engine's address.
    pub(crate) engine: String,
    /// Which containers are read: a filter by a label, with the environment variable in it as `${NAME}`.
    pub(crate) filter: String,
    /// From a label that the discovery of containers gives, to a label of the lines.
    pub(crate) relabelling: Vec<(String, String)>,
    /// What is done to each line, in this order.
    pub(crate) stages: Vec<Stage>,
    /// Where the lines are sent to.
    pub(crate) loki: String,
    /// How often that is tried; 0 is for ever.
    pub(crate) retries: u64,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Takes members of a JSON line: the name to be known by, and the member's.
    Json(BTreeMap<String, String>),
    /// Takes the time from a value.
    Timestamp { source: String, format: String },
    /// Makes values labels.
    Labels(BTreeMap<String, String>),
    /// Puts values beside the line.
    StructuredMetadata(BTreeMap<String, String>),
    /// Drops all labels but these.
    LabelKeep(Vec<String>),
}

/// What Loki gets of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The time in the line; without one, it is the time of reading.
    pub(crate) timestamp: Option<String>,
    /// What the stream is found by.
    pub(crate) labels: BTreeMap<String, String>,
    /// What stands beside the line.
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Pipeline {
    /// As Alloy's configuration says.
    pub(crate) fn of_alloy(file: &Block) -> Self {
        let (docker, source) = (file.only("discovery.docker"), file.only("loki.source.docker"));
        assert_eq!(docker.text("host"), source.text("host"));
        let filter = docker.only("filter");
        assert_eq!(filter.text("name"), "label");
        let Some(Value::List(filters)) = filter.attributes.get("values") else { panic!("{filter:?}") };
        let rules = file.only("discovery.relabel").all("rule").into_iter().map(|rule| {
            assert_eq!(rule.attributes.len(), 2, "{rule:?}");
            let [source] = &rule.texts("source_labels")[..] else { panic!("{rule:?}") };
            (source.clone(), rule.text("target_label").to_owned())
        });
        let endpoint = file.only("loki.write").only("endpoint");
        let Some(Value::Number(retries)) = endpoint.attributes.get("max_backoff_retries") else {
            panic!("{endpoint:?}")
        };
        Self {
            engine: docker.text("host").to_owned(),
            filter: filters.iter().map(written).collect::<Vec<_>>().join(" "),
            relabelling: rules.collect(),
            stages: file.only("loki.process").blocks.iter().map(Stage::of_alloy).collect(),
            loki: endpoint.text("url").to_owned(),
            retries: retries.parse().unwrap(),
        }
    }

    /// As Promtail's configuration says.
    pub(crate) fn of_promtail(file: &Json) -> Self {
        let only = |value: &Json| match value.as_array().map(Vec::as_slice) {
            Some([only]) => only.clone(),
            _ => panic!("not one: {value}"),
        };
        let (client, scrape) = (only(&file["clients"]), only(&file["scrape_configs"]));
        let docker = only(&scrape["docker_sd_configs"]);
        let filter = only(&docker["filters"]);
        assert_eq!(filter["name"], "label");
        let rules = scrape["relabel_configs"].as_array().unwrap().iter().map(|rule| {
            assert_eq!(rule.as_object().unwrap().len(), 2, "{rule}");
            (text(&only(&rule["source_labels"])), text(&rule["target_label"]))
        });
        Self {
            engine: text(&docker["host"]),
            filter: text(&only(&filter["values"])),
            relabelling: rules.collect(),
            stages: scrape["pipeline_stages"].as_array().unwrap().iter().map(Stage::of_promtail).collect(),
            loki: text(&client["url"]),
            retries: client["backoff_config"]["max_retries"].as_u64().unwrap(),
        }
    }

    /// The labels of the lines of a container with these labels of its own.
    pub(crate) fn labels_of(&self, container: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let discovered: BTreeMap<String, &String> = container
            .iter()
            .map(|(name, value)| (name.replace(|character: char| !character.is_ascii_alphanumeric(), "_"), value))
            .map(|(name, value)| (format!("__meta_docker_container_label_{name}"), value))
            .collect();
        let found =
            self.relabelling.iter().filter_map(|(from, to)| Some((to.clone(), (*discovered.get(from)?).clone())));
        found.collect()
    }

    /// What Loki gets of a line.
    pub(crate) fn read(&self, line: &str, labels: &BTreeMap<String, String>) -> Entry {
        let mut entry = Entry { timestamp: None, labels: labels.clone(), metadata: BTreeMap::new() };
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for stage in &self.stages {
            let pick = |map: &BTreeMap<String, String>| -> Vec<(String, String)> {
                map.iter().filter_map(|(name, from)| Some((name.clone(), values.get(from)?.clone()))).collect()
            };
            match stage {
                Stage::Json(expressions) => {
                    let json: Json = serde_json::from_str(line).unwrap_or_default();
                    let members = expressions.iter().filter_map(|(name, member)| {
                        let value = json.get(member).filter(|value| !value.is_null())?;
                        Some((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                    });
                    values.extend(members);
                }
                Stage::Timestamp { source, .. } => entry.timestamp = values.get(source).cloned(),
                Stage::Labels(map) => entry.labels.extend(pick(map)),
                Stage::StructuredMetadata(map) => entry.metadata.extend(pick(map)),
                Stage::LabelKeep(names) => entry.labels.retain(|name, _| names.contains(name)),
            }
        }
        entry
    }
}

impl Stage {
    fn of_alloy(block: &Block) -> Self {
        match block.name.as_str() {
            "stage.json" => Self::Json(block.map("expressions")),
            "stage.timestamp" => {
                Self::Timestamp { source: block.text("source").to_owned(), format: block.text("format").to_owned() }
            }
            "stage.labels" => Self::Labels(block.map("values")),
            "stage.structured_metadata" => Self::StructuredMetadata(block.map("values")),
            "stage.label_keep" => Self::LabelKeep(block.texts("values")),
            other => panic!("unknown stage {other}"),
        }
    }

    fn of_promtail(stage: &Json) -> Self {
        let (name, body) = stage.as_object().unwrap().iter().next().unwrap();
        let map =
            |value: &Json| value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect();
        match name.as_str() {
            "json" => Self::Json(map(&body["expressions"])),
            "timestamp" => Self::Timestamp { source: text(&body["source"]), format: text(&body["format"]) },
            "labels" => Self::Labels(map(body)),
            "structured_metadata" => Self::StructuredMetadata(map(body)),
            "labelallow" => Self::LabelKeep(body.as_array().unwrap().iter().map(text).collect()),
            other => panic!("unknown stage {other}"),
        }
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// A text as Promtail would write it.
fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Sum(values) => values.iter().map(written).collect(),
        Value::Call(function, arguments) if function == "sys.env" => {
            format!("${{{}}}", arguments.iter().map(written).collect::<String>())
        }
        other => panic!("no text: {other:?}"),
    }
}
