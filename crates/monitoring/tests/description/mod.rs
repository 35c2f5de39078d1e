//! What the description of every service must contain; the services' own tests use this as well.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A request as the description has it.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) body: Option<(String, String)>,
    /// What the answer's content type may be.
    pub(crate) answers: Vec<String>,
}

/// The description has every route of the service and no other, and tells a client what it needs to know of each.
/// `exposition` is the answer of `/metrics` before any other request: it has every route that is declared.
pub(crate) fn assert_complete(document: &Value, exposition: &str) {
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for member in ["title", "description", "version"] {
        assert!(!text(&document["info"][member]).is_empty(), "info.{member}");
    }
    assert!(text(&document["info"]["license"]["name"]).contains("MIT"));
    let described: BTreeSet<_> = operations(document).map(|(method, path, _)| (method, path.to_owned())).collect();
    assert_eq!(described, declared(exposition));
    let tags: BTreeSet<&str> = document["tags"].as_array().unwrap().iter().map(|tag| text(&tag["name"])).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(text(&operation["operationId"])), "{place}: its id is taken");
        assert!(!text(&operation["summary"]).is_empty(), "{place}: no summary");
        assert!(tags.contains(text(&operation["tags"][0])), "{place}: its tag is not declared");
        let named: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let in_path = parameters(operation).filter(|parameter| parameter["in"] == "path");
        assert_eq!(in_path.map(|parameter| text(&parameter["name"])).collect::<BTreeSet<_>>(), named, "{place}");
        assert_answers(&place, operation);
    }
    assert_schemas(document, document);
}

/// The table of routes in docs/api.md has every route of the service and no other; `service` begins its lines.
#[allow(dead_code, reason = "only the services have a page")]
pub(crate) fn assert_in_the_docs(document: &Value, service: &str) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let page = std::fs::read_to_string(file).unwrap();
    let table = page.split_once("| service | routes |").unwrap().1.split("\n\n").next().unwrap();
    let lines = table.lines().filter_map(|line| line.strip_prefix("| ")?.rsplit_once(" | "));
    let ours = lines.filter(|(whose, _)| whose.starts_with(service) || *whose == "both");
    let listed: BTreeSet<String> =
        ours.flat_map(|(_, routes)| routes.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    let described: BTreeSet<String> =
        operations(document).map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(listed, described);
}

/// The requests that the description gives as examples, requests that change something first.
pub(crate) fn examples(document: &Value) -> Vec<Example> {
    let mut examples = Vec::new();
    for (method, path, operation) in operations(document) {
        let mut path = path.to_owned();
        let mut query = Vec::new();
        for parameter in parameters(operation) {
            let Some(example) = parameter.get("example") else { continue };
            let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            let name = text(&parameter["name"]);
            match text(&parameter["in"]) {
                "path" => path = path.replace(&format!("{{{name}}}"), &example),
                "query" => query.push(format!("{name}={example}")),
                _ => {}
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let answers = operation["responses"]["200"]["content"].as_object().into_iter().flatten();
        let answers: Vec<String> = answers.map(|(media_type, _)| media_type.clone()).collect();
        let example = |body| Example { method: method.clone(), path: path.clone(), body, answers: answers.clone() };
        match operation["requestBody"]["content"].as_object() {
            None => examples.push(example(None)),
            Some(content) => {
                let bodies = content.iter().filter_map(|(media_type, content)| {
                    let body = content.get("example")?;
                    Some((media_type.clone(), body.as_str().map_or_else(|| body.to_string(), str::to_owned)))
                });
                examples.extend(bodies.map(|body| example(Some(body))));
            }
        }
    }
    examples.sort_by_key(|example| example.method == "GET");
    examples
}

/// Every operation with its method, in capitals, and its path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        operations.map(|(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

/// The parameters of the operation itself.
fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter.get("$ref").is_none())
}

fn declared(exposition: &str) -> BTreeSet<(String, String)> {
    let lines = exposition.lines().filter_map(|line| line.strip_prefix("http_requests_total{"));
    let labels = lines.map(|line| {
        line.split('"').collect::<Vec<_>>().chunks_exact(2).map(|pair| (pair[0], pair[1])).collect::<BTreeMap<_, _>>()
    });
    let routes = labels.map(|labels| (labels["method="].to_owned(), labels[",route="].to_owned()));
    routes.filter(|(_, route)| route != "unmatched").collect()
}

fn assert_answers(place: &str, operation: &Value) {
    let answers = operation["responses"].as_object().unwrap();
    let is_answered = answers.contains_key("200") || answers.contains_key("303");
    assert!(is_answered && answers.contains_key("500"), "{place}");
    for (status, answer) in answers {
        assert!(!text(&answer["description"]).is_empty(), "{place}: {status} has no description");
        let headers = answer["headers"].as_object().unwrap();
        assert!(headers.contains_key("x-request-id"), "{place}: {status}");
        let is_temporary = ["429", "503"].contains(&status.as_str());
        assert_eq!(headers.contains_key("retry-after"), is_temporary, "{place}: {status}");
        // A redirect has no content.
        if status == "303" {
            continue;
        }
        if status != "200" {
            let schema = &answer["content"]["application/json"]["schema"]["allOf"];
            assert_eq!(schema[0]["$ref"], "#/components/schemas/Refusal", "{place}: {status}");
            assert!(!schema[1]["properties"]["code"]["enum"].as_array().unwrap().is_empty(), "{place}: {status}");
        }
        for (media_type, content) in answer["content"].as_object().unwrap() {
            assert!(content["schema"].is_object(), "{place}: {status} {media_type}");
        }
    }
}

/// Every schema that is referred to is there, and every array says what its items are.
fn assert_schemas(value: &Value, document: &Value) {
    match value {
        Value::Object(members) => {
            let is_array =
                |kind: &Value| kind == "array" || kind.as_array().is_some_and(|kinds| kinds.contains(&"array".into()));
            let has_items = members.contains_key("items") || members.contains_key("prefixItems");
            assert!(!members.get("type").is_some_and(is_array) || has_items, "no items in {value}");
            if let Some(Value::String(reference)) = members.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference} is not there");
            }
            members.values().for_each(|member| assert_schemas(member, document));
        }
        Value::Array(elements) => elements.iter().for_each(|element| assert_schemas(element, document)),
        _ => {}
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
