//! Schemas of what no type of this crate describes whole.
//!
//! Rule of thumb: a schema is derived from the type that is sent. It stands here only if its conditions have no form in
//! a type, or if the body is read member by member so that a refusal can name the member.

use serde_json::{Value, json};

/// The schemas by name.
pub(super) fn schemas() -> Value {
    json!({
        "Health": {
            "type": "object",
            "required": ["status", "database", "queue_depth"],
            "properties": {
                "status": { "const": "ready" },
                "database": { "type": "string", "enum": ["available", "unavailable"] },
                "queue_depth": { "type": "integer", "minimum": 0, "description": "Records that wait to be written." },
            },
        },
        "Record": record(),
        "Records": one_or_many("Record"),
        "Labels": one_or_many("Label"),
        "CloudEvent": cloud_event(),
        "CloudEvents": { "type": "array", "items": named("CloudEvent") },
    })
}

/// A record's fields, and which of them its status and its task require.
fn record() -> Value {
    json!({
        "description": "Model and label, another `task`, or `status: \"error\"`; the rest is filled in.",
        "allOf": [named("PredictionRecord")],
        "if": { "required": ["status"], "properties": { "status": { "const": "error" } } },
        "else": {
            "if": { "required": ["task"], "properties": { "task": { "enum": ["regression", "raw"] } } },
            "then": { "anyOf": [{ "properties": { "task": { "const": "raw" } } }, { "required": ["value"] }] },
            "else": { "required": ["label"] },
        },
    })
}

/// The attributes of CloudEvents 1.0 that the service reads.
fn cloud_event() -> Value {
    let attribute =
        |description: &str| json!({ "type": "string", "minLength": 1, "maxLength": 128, "description": description });
    json!({
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": { "type": "string", "pattern": "^1(\\..*)?$" },
            "id": attribute("The id that request and response share."),
            "source": attribute("The sender."),
            "type": {
                "type": "string",
                "enum": ["org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"],
            },
            "time": { "anyOf": [{ "type": "string", "format": "date-time" }, { "enum": ["", null] }] },
            "inferenceservicename": { "type": ["string", "null"], "description": "The model's name." },
            "statuscode": { "description": "The HTTP status of a response, as a number or a text; anything else says nothing." },
            "data": { "description": "The payload." },
            "data_base64": { "type": ["string", "null"], "description": "The payload's bytes, instead of `data`." },
        },
    })
}

fn named(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn one_or_many(schema: &str) -> Value {
    json!({ "oneOf": [named(schema), { "type": "array", "items": named(schema) }] })
}
