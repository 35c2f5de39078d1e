//! Answers, held against the schemas that the description has for them.

use std::collections::BTreeSet;

use serde_json::Value;

/// What of an answer its schema forbids or does not know.
pub(crate) fn mismatches(value: &Value, schema: &Value, document: &Value) -> Vec<String> {
    let mut found = forbidden(value, schema, document, "");
    unknown(value, schema, document, "", &mut found);
    found
}

fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => schema,
    }
}

/// The schemas of a list such as `allOf`.
fn parts<'a>(schema: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    schema[list].as_array().into_iter().flatten()
}

fn forbidden(value: &Value, schema: &Value, document: &Value, place: &str) -> Vec<String> {
    let schema = resolved(schema, document);
    let mut found: Vec<String> =
        parts(schema, "allOf").flat_map(|part| forbidden(value, part, document, place)).collect();
    for list in ["oneOf", "anyOf"] {
        let mut fits = parts(schema, list).map(|part| forbidden(value, part, document, place).is_empty()).peekable();
        if fits.peek().is_some() && !fits.any(|fits| fits) {
            found.push(format!("{place}: no schema of {list} fits {value}"));
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        names => names.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    if !types.is_empty() && !types.iter().any(|name| has_type(value, name)) {
        found.push(format!("{place}: {value} is not {types:?}"));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema["enum"].as_array().is_some_and(|values| !values.contains(value))
    {
        found.push(format!("{place}: {value} is not one of the values"));
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        if let Some(schema) = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"))
            && !schema.is_boolean()
        {
            found.extend(forbidden(member, schema, document, &format!("{place}/{name}")));
        }
    }
    if value.is_object() {
        let missing = parts(schema, "required").filter(|name| value.get(name.as_str().unwrap()).is_none());
        found.extend(missing.map(|name| format!("{place}: {name} is missing")));
    }
    for element in value.as_array().into_iter().flatten() {
        found.extend(forbidden(element, &schema["items"], document, &format!("{place}/*")));
    }
    found
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => panic!("{name} is no type"),
    }
}

/// Members that no schema of the value has.
fn unknown(value: &Value, schema: &Value, document: &Value, place: &str, found: &mut Vec<String>) {
    let schemas = all_of_one_value(schema, document);
    if let Value::Object(members) = value {
        let known: BTreeSet<&String> =
            schemas.iter().filter_map(|schema| schema["properties"].as_object()).flat_map(|all| all.keys()).collect();
        let is_open = schemas.iter().any(|schema| schema.get("additionalProperties").is_some());
        for (name, member) in members {
            if !known.is_empty() && !is_open && !known.contains(name) {
                found.push(format!("{place}: {name} is not described"));
            }
            for schema in schemas.iter().filter_map(|schema| schema["properties"].get(name)) {
                unknown(member, schema, document, &format!("{place}/{name}"), found);
            }
        }
    }
    for element in value.as_array().into_iter().flatten() {
        for items in schemas.iter().filter_map(|schema| schema.get("items")) {
            unknown(element, items, document, &format!("{place}/*"), found);
        }
    }
}

/// The schema, and those that it is put together from.
fn all_of_one_value<'a>(schema: &'a Value, document: &'a Value) -> Vec<&'a Value> {
    let schema = resolved(schema, document);
    let of = ["allOf", "oneOf", "anyOf"].into_iter().flat_map(|list| parts(schema, list));
    [schema].into_iter().chain(of.flat_map(|part| all_of_one_value(part, document))).collect()
}
