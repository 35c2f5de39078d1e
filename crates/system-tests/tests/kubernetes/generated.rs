//! The Kubernetes objects hold the same rules and dashboards as the files of the repository.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::objects::{BASE, Objects, at, document, name, path};

#[test]
fn the_rules_are_those_that_prometheus_reads_from_files() {
    let mut sources = vec!["alert_rules.yml".to_owned()];
    sources.extend(files("deploy/prometheus", ".yml"));
    let expected: Vec<Value> = sources.iter().flat_map(|file| groups(&document(file))).collect();
    assert!(expected.len() >= 10, "only {} groups", expected.len());
    let of = |objects: &Objects| -> Vec<Value> {
        objects.of_kind("PrometheusRule").into_iter().flat_map(|object| groups(at(object, "/spec"))).collect()
    };
    assert_eq!(of(&Objects::written()), expected);
    if let Some(built) = Objects::built(BASE) {
        let sorted = |mut groups: Vec<Value>| {
            groups.sort_by_key(|group| group["name"].as_str().unwrap().to_owned());
            groups
        };
        assert_eq!(sorted(of(&built)), sorted(expected), "kustomize changes a rule");
    }
}

#[test]
fn the_dashboards_are_those_of_grafana_to_the_byte() {
    let sources = files("dashboards", ".json");
    assert!(sources.len() >= 3, "only {} dashboards", sources.len());
    let mut objects = vec![Objects::written()];
    objects.extend(Objects::built(BASE));
    for objects in objects {
        let maps = objects.of_kind("ConfigMap");
        assert_eq!(maps.len(), sources.len());
        let mut texts = BTreeSet::new();
        for map in maps {
            // What the sidecar looks for, and where it puts what it finds.
            assert_eq!(at(map, "/metadata/labels/grafana_dashboard"), "1", "{}", name(map));
            assert_eq!(at(map, "/metadata/annotations/grafana_folder"), "Glasshouse", "{}", name(map));
            let data = at(map, "/data").as_object().unwrap();
            assert!(data.len() == 1 && data.keys().all(|key| key.ends_with(".json")), "{}", name(map));
            texts.extend(data.values().map(|text| text.as_str().unwrap().to_owned()));
        }
        let expected: BTreeSet<String> = sources.iter().map(|file| fs::read_to_string(path(file)).unwrap()).collect();
        assert!(texts == expected, "a dashboard differs; cargo xtask generate");
    }
}

fn groups(rules: &Value) -> Vec<Value> {
    rules["groups"].as_array().expect("groups").clone()
}

fn files(folder: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap());
    let names = entries.filter(|entry| entry.path().is_file()).map(|entry| entry.file_name());
    let mut files: Vec<String> = names.map(|name| format!("{folder}/{}", name.to_string_lossy())).collect();
    files.retain(|file| file.ends_with(extension));
    files.sort();
    files
}
