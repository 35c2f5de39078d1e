//! The queries for Loki in the dashboards and documents.

use std::fs;

use serde_json::Value;
use testkit::{documents, root};

/// Every query for Loki, with the place where it stands.
pub(crate) fn all() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(root().join("dashboards")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let dashboard =
            serde_json::from_slice(&fs::read(&file).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        collect(&dashboard, false, &name, &mut queries);
    }
    for file in documents() {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let blocks = text.split("```logql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        for query in blocks.flat_map(|block| block.split("\n\n")) {
            let lines = query.lines().filter(|line| !line.trim_start().starts_with('#'));
            queries.push((file.clone(), lines.collect::<Vec<_>>().join(" ")));
        }
    }
    queries
}

/// Queries below this value; `loki` says whether a data source around it is Loki.
fn collect(value: &Value, loki: bool, place: &str, queries: &mut Vec<(String, String)>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, loki, place, queries)),
        Value::Object(members) => {
            let loki = members.get("datasource").map_or(loki, |source| source["uid"] == "loki");
            if let (true, Some(query)) = (loki, members.get("expr").and_then(Value::as_str)) {
                queries.push((place.to_owned(), query.to_owned()));
            }
            members.values().for_each(|value| collect(value, loki, place, queries));
        }
        _ => {}
    }
}
