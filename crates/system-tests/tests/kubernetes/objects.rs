//! Kubernetes objects, as written down and as kustomize builds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::tool;

pub(crate) const BASE: &str = "deploy/kubernetes/base";
pub(crate) const PRODUCTION: &str = "deploy/kubernetes/overlays/production";
pub(crate) const SERVICES: [&str; 2] = ["inference-service", "logging-service"];

pub(crate) type Labels = BTreeMap<String, String>;

/// A file of the repository.
pub(crate) fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(relative)
}

/// The text of a file of the repository.
pub(crate) fn text(relative: &str) -> String {
    fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The documents of a YAML text.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The only document of a YAML file of the repository.
pub(crate) fn document(relative: &str) -> Value {
    let mut documents = documents(&text(relative));
    assert_eq!(documents.len(), 1, "{relative}");
    documents.remove(0)
}

/// All objects of one kustomization.
#[derive(Clone, Debug)]
pub(crate) struct Objects(Vec<Value>);

impl Objects {
    /// What the files of the base say, before kustomize changes anything.
    pub(crate) fn written() -> Self {
        Self(resources(BASE).iter().flat_map(|file| documents(&text(file))).collect())
    }

    /// What `kubectl kustomize` makes of a folder, or a line on stderr that says what is skipped.
    ///
    /// Not an error on a build server without kubectl: Debian's is from 2021 and does not know these files.
    pub(crate) fn built(folder: &str) -> Option<Self> {
        build(folder).map(|text| Self(documents(&text)))
    }

    /// The base as written, and the base and the overlay as built, each with a name.
    pub(crate) fn all() -> Vec<(&'static str, Self)> {
        let built = [BASE, PRODUCTION].into_iter().filter_map(|folder| Some((folder, Self::built(folder)?)));
        [("the files of the base", Self::written())].into_iter().chain(built).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The only object of this kind and name.
    pub(crate) fn get(&self, kind: &str, name: &str) -> &Value {
        let mut found = self.0.iter().filter(|object| object["kind"] == kind && self::name(object) == name);
        let object = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
        assert!(found.next().is_none(), "{kind} {name} is there twice");
        object
    }
}

/// The YAML that `kubectl kustomize` makes of a folder, or a line on stderr that says what is skipped.
pub(crate) fn build(folder: &str) -> Option<String> {
    let Some(kubectl) = tool("kubectl") else {
        eprintln!("SKIPPED: kubectl is not installed, so {folder} is not built");
        return None;
    };
    let output = Command::new(kubectl).arg("kustomize").arg(path(folder)).output().expect("kubectl starts");
    assert!(output.status.success(), "{folder}: {}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "", "kustomize warns about {folder}");
    Some(String::from_utf8(output.stdout).expect("YAML is text"))
}

/// The files that a kustomization names as resources, with the files of the folders that it names.
pub(crate) fn resources(folder: &str) -> Vec<String> {
    let kustomization = document(&format!("{folder}/kustomization.yaml"));
    let named = strings(&kustomization["resources"]).into_iter().map(|resource| format!("{folder}/{resource}"));
    named.flat_map(|named| if path(&named).is_dir() { resources(&named) } else { vec![named] }).collect()
}

pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_else(|| panic!("an object without a name: {object}"))
}

/// A value inside of an object that has to be there.
pub(crate) fn at<'a>(object: &'a Value, pointer: &str) -> &'a Value {
    object.pointer(pointer).unwrap_or_else(|| panic!("{} {} has no {pointer}", object["kind"], name(object)))
}

/// The labels at this place; none is never meant.
pub(crate) fn labels(object: &Value, pointer: &str) -> Labels {
    let labels: Labels = serde_json::from_value(at(object, pointer).clone()).expect("labels");
    assert!(!labels.is_empty(), "{} selects everything at {pointer}", name(object));
    labels
}

/// Whether something with these labels is selected by this `matchLabels` or Service selector.
pub(crate) fn selects(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(label, value)| labels.get(label) == Some(value))
}

/// The strings of a list, which may be absent.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("no text: {item}")).to_owned()).collect()
}

/// The only container of a Deployment.
pub(crate) fn container(deployment: &Value) -> &Value {
    let containers = at(deployment, "/spec/template/spec/containers").as_array().unwrap();
    assert_eq!(containers.len(), 1, "{}", name(deployment));
    &containers[0]
}
