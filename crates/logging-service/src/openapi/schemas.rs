//! The forms of bodies that are put together where they are answered, or that come in several forms.

use serde_json::{Value, json};

/// By name.
pub(super) fn schemas() -> Value {
    json!({
        "Bytes": { "type": "string", "format": "binary" },
        "Lines": { "type": "string", "format": "ndjson", "description": "A JSON object a line." },
        "Health": {
            "type": "object",
            "required": ["status", "database", "queue_depth"],
            "properties": {
                "status": { "const": "ready" },
                "database": { "type": "string", "enum": ["available", "unavailable"] },
                "queue_depth": { "type": "integer", "minimum": 0, "description": "Records that wait to be written." },
            },
        },
        "Record": {
            "description": "Model, label and confidence, another `task`, or `status: \"error\"`; the rest is filled in.",
            "allOf": [named("PredictionRecord")],
            "if": { "required": ["status"], "properties": { "status": { "const": "error" } } },
            "else": {
                "if": { "required": ["task"], "properties": { "task": { "enum": ["regression", "raw"] } } },
                "then": { "anyOf": [{ "properties": { "task": { "const": "raw" } } }, { "required": ["value"] }] },
                "else": { "required": ["label", "confidence"] },
            },
        },
        "Records": one_or_many("Record"),
        "Labels": one_or_many("Label"),
        "CloudEvent": {
            "type": "object",
            "required": ["specversion", "id", "source", "type"],
            "properties": {
                "specversion": { "type": "string", "pattern": "^1(\\..*)?$" },
                "id": attribute("What request and response have in common."),
                "source": attribute("Who sends it."),
                "type": {
                    "type": "string",
                    "enum": ["org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"],
                },
                "time": { "anyOf": [{ "type": "string", "format": "date-time" }, { "enum": ["", null] }] },
                "inferenceservicename": { "type": ["string", "null"], "description": "The model's name." },
                "data": { "description": "The payload." },
                "data_base64": { "type": ["string", "null"], "description": "The payload's bytes, instead of `data`." },
            },
        },
        "CloudEvents": { "type": "array", "items": named("CloudEvent") },
        "EventsTaken": {
            "type": "object",
            "required": ["events", "predictions"],
            "properties": {
                "events": { "type": "integer", "minimum": 0 },
                "predictions": { "type": "integer", "minimum": 0, "description": "Those that the events completed." },
            },
        },
        "Evaluations": list_of("models", "Evaluation"),
        "References": list_of("references", "ReferenceProfile"),
        "ReferenceStored": {
            "type": "object",
            "required": ["model", "model_sha256", "stored"],
            "properties": {
                "model": { "type": "string" },
                "model_sha256": { "type": ["string", "null"] },
                "stored": { "type": "boolean", "description": "False where a newer one was there." },
            },
        },
    })
}

fn named(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn attribute(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 128, "description": description })
}

fn one_or_many(schema: &str) -> Value {
    json!({ "oneOf": [named(schema), { "type": "array", "items": named(schema) }] })
}

fn list_of(member: &str, schema: &str) -> Value {
    json!({
        "type": "object",
        "required": [member],
        "properties": { member: { "type": "array", "items": named(schema) } },
    })
}
