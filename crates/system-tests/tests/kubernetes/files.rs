//! The files and the lists of files.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::objects::{BASE, Objects, PRODUCTION, document, name, path, resources, strings};

#[test]
fn every_file_is_listed_and_every_listed_file_is_there() {
    let mut listed: BTreeSet<String> = resources(BASE).into_iter().collect();
    let production = document(&format!("{PRODUCTION}/kustomization.yaml"));
    assert_eq!(strings(&production["resources"]), ["../../base"]);
    let patches = patches(&production).filter_map(|patch| patch["path"].as_str().map(str::to_owned));
    listed.extend(patches.map(|patch| format!("{PRODUCTION}/{patch}")));

    let mut present = BTreeSet::new();
    collect(BASE, &mut present);
    collect(PRODUCTION, &mut present);
    present.retain(|file| !file.ends_with("/kustomization.yaml"));
    assert_eq!(listed, present);
}

/// kustomize itself refuses a patch whose object is missing, but not one whose target matches nothing.
#[test]
fn every_target_of_a_patch_is_there() {
    let objects = Objects::written();
    let mut targets = 0;
    for folder in [BASE, PRODUCTION] {
        let kustomization = document(&format!("{folder}/kustomization.yaml"));
        for target in patches(&kustomization).map(|patch| patch["target"].clone()).filter(Value::is_object) {
            // The patterns in use: one kind, or (A|B); each of the alternatives has to be there.
            let kinds = target["kind"].as_str().unwrap();
            for kind in kinds.trim_matches(['(', ')']).split('|') {
                let found = objects.of_kind(kind);
                let hit = found.iter().any(|object| target["name"].is_null() || target["name"] == name(object));
                assert!(hit, "{folder}: nothing is patched by {target}");
                targets += 1;
            }
        }
    }
    assert!(targets >= 5, "the patches are not read");
}

#[test]
fn an_overlay_changes_what_it_is_meant_to() {
    let Some(objects) = Objects::built(PRODUCTION) else { return };
    let Some(base) = Objects::built(BASE) else { return };
    let of = |objects: &Objects, kind: &str, name: &str, pointer: &str| -> Value {
        objects.get(kind, name).pointer(pointer).cloned().unwrap_or_default()
    };
    for (kind, name, pointer) in [
        ("Deployment", "inference-service", "/spec/template/spec/containers/0/image"),
        ("Deployment", "inference-service", "/spec/template/spec/containers/0/resources"),
        ("Deployment", "logging-service", "/spec/template/spec/containers/0/image"),
        ("Deployment", "logging-service", "/spec/template/spec/containers/0/resources"),
        ("HorizontalPodAutoscaler", "inference-service", "/spec/minReplicas"),
        ("PersistentVolumeClaim", "logging-service", "/spec/storageClassName"),
        ("ServiceMonitor", "inference-service", "/metadata/labels/release"),
        ("PrometheusRule", "alert-rules-inference-service", "/metadata/labels/release"),
    ] {
        assert_ne!(of(&base, kind, name, pointer), of(&objects, kind, name, pointer), "{kind} {name} {pointer}");
    }
    let count = |objects: &Objects, kind: &str| objects.of_kind(kind).len();
    assert_eq!(count(&base, "PrometheusRule"), count(&objects, "PrometheusRule") + 2);
    assert_eq!(base.iter().count(), objects.iter().count() + 2);
}

fn patches(kustomization: &Value) -> impl Iterator<Item = &Value> {
    kustomization["patches"].as_array().unwrap().iter()
}

fn collect(folder: &str, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(path(folder)).unwrap() {
        let entry = entry.unwrap();
        let below = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&below, files);
        } else {
            files.insert(below);
        }
    }
}
