//! What is declared about a model, out of a file: its model.toml, or the JSON of `PUT /models/{name}`.
//!
//! Rule of thumb: a model.toml says more than a declaration does, so only what belongs to one is looked at.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use prediction_record::ModelDeclaration;
use serde_json::{Map, Value};

const FEATURE_MEMBERS: [&str; 7] = ["name", "kind", "range", "categories", "optional", "outside", "keep"];

/// Reads a declaration.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read(file: &Path) -> anyhow::Result<ModelDeclaration> {
    let place = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(place)?;
    let whole: Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).with_context(place)?
    } else {
        toml::from_str(&text).with_context(place)?
    };
    declaration(&whole, file.parent().unwrap_or(Path::new("."))).with_context(place)
}

fn declaration(whole: &Value, folder: &Path) -> anyhow::Result<ModelDeclaration> {
    let mut kept = Map::new();
    for member in ["task", "positive"] {
        kept.extend(whole.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    match whole.get("labels") {
        None => {}
        // The labels of a model.toml may stand in a file beside it, one a line.
        Some(Value::String(name)) => {
            let file = folder.join(name);
            let labels = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let labels: Vec<Value> = labels.lines().map(|label| label.trim_end().into()).collect();
            kept.insert("labels".to_owned(), labels.into());
        }
        Some(labels) => drop(kept.insert("labels".to_owned(), labels.clone())),
    }
    if let Some(features) = whole.get("features") {
        let Value::Array(features) = features else { bail!("features must be a list of tables") };
        kept.insert("features".to_owned(), features.iter().map(feature).collect::<anyhow::Result<_>>()?);
    }
    let declaration: ModelDeclaration = serde_json::from_value(kept.into())?;
    declaration.validate().map_err(|problem| anyhow!("{problem}"))?;
    Ok(declaration)
}

fn feature(feature: &Value) -> anyhow::Result<Value> {
    let Value::Object(members) = feature else { bail!("a feature must be a table") };
    let is_ours = |(name, _): &(&String, &Value)| FEATURE_MEMBERS.contains(&name.as_str());
    Ok(members.iter().filter(is_ours).map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_model_toml_and_json_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("labels.txt"), "no\nyes\n").unwrap();
        let written = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            read(&folder.path().join(name))
        };
        let toml = "task = \"classification\"\nlabels = \"labels.txt\"\n[input]\nwidth = 3\n\
                    [[features]]\nname = \"age\"\nkind = \"number\"\nrange = [0, 120]\ncolumn = 4\n";
        let json = r#"{"task": "classification", "labels": ["no", "yes"], "owner": "us",
                       "features": [{"name": "age", "kind": "number", "range": [0, 120]}]}"#;
        let read = written("model.toml", toml).unwrap();
        assert_eq!(read, written("model.json", json).unwrap());
        assert_eq!(read.features[0].range, Some([0.0, 120.0]));
        assert_eq!(read.labels, ["no", "yes"]);
        let problem = written("bad.toml", "[[features]]\nname = \"age\"\nkind = \"text\"\n").unwrap_err();
        assert!(format!("{problem:#}").contains("kind") || format!("{problem:#}").contains("text"), "{problem:#}");
    }
}
