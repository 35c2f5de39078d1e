//! The dashboards as they are in the repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One file of `dashboards/`.
pub(crate) struct Dashboard {
    /// The name of the file, without `.json`.
    pub(crate) name: String,
    /// The file's text.
    pub(crate) text: String,
    /// The text as JSON.
    pub(crate) json: Value,
}

/// One panel that is not a row.
#[derive(Clone)]
pub(crate) struct Panel<'a> {
    /// Where it is, for messages.
    pub(crate) place: String,
    /// Whether it stands in a row that is repeated for each model.
    pub(crate) is_repeated: bool,
    /// The panel.
    pub(crate) json: &'a Value,
}

/// All of them, sorted by name.
pub(crate) fn dashboards() -> Vec<Dashboard> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("dashboards")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| Dashboard::read(file)).collect()
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// A member that has to be text.
pub(crate) fn text<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} of {json}"))
}

/// A member that has to be a list.
pub(crate) fn list<'a>(json: &'a Value, pointer: &str) -> &'a [Value] {
    json.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer} of {json}"))
}

impl Dashboard {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file.file_name().unwrap().to_str().unwrap();
        Self { name: name.strip_suffix(".json").expect("dashboards/ holds JSON only").to_owned(), text, json }
    }

    pub(crate) fn uid(&self) -> &str {
        text(&self.json, "/uid")
    }

    /// The panels, without the rows between them.
    pub(crate) fn panels(&self) -> Vec<Panel<'_>> {
        let mut is_repeated = false;
        let mut panels = Vec::new();
        for json in list(&self.json, "/panels") {
            if json["type"] == "row" {
                is_repeated = json["repeat"].is_string();
            } else {
                let place = format!("{}: {:?}", self.uid(), text(json, "/title"));
                panels.push(Panel { place, is_repeated, json });
            }
        }
        panels
    }

    pub(crate) fn variables(&self) -> &[Value] {
        list(&self.json, "/templating/list")
    }
}

impl Panel<'_> {
    pub(crate) fn title(&self) -> &str {
        text(self.json, "/title")
    }

    /// The sentence that the panel shows where there are no data.
    pub(crate) fn says_if_empty(&self) -> Option<&str> {
        self.json["fieldConfig"]["defaults"]["noValue"].as_str()
    }

    /// The bound that its scale declares, `min` or `max`.
    pub(crate) fn bound(&self, name: &str) -> Option<f64> {
        self.json["fieldConfig"]["defaults"][name].as_f64()
    }

    pub(crate) fn targets(&self) -> &[Value] {
        list(self.json, "/targets")
    }

    pub(crate) fn asks(&self, source: &str) -> bool {
        text(self.json, "/datasource/uid") == source
    }
}
