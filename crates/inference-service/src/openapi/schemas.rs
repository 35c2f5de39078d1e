//! The forms of bodies that are put together where they are answered, and those of the Open Inference Protocol.

use serde_json::{Value, json};

/// With or without its padding, perhaps as a `data:` URL.
const BASE64: &str = "^(data:image/(jpeg|png|webp|bmp);base64,)?([A-Za-z0-9+/]{4})*\
                      ([A-Za-z0-9+/][AQgw](==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?)?$";

/// By name.
pub(super) fn schemas() -> Value {
    let Value::Object(mut schemas) = own() else { return Value::Null };
    if let Value::Object(protocol) = protocol() {
        schemas.extend(protocol);
    }
    schemas.into()
}

fn own() -> Value {
    let tensors = tensors();
    let picture = json!({ "type": "string", "pattern": BASE64 });
    let numbers = json!({ "type": ["number", "array"], "items": {} });
    let one_input = [
        ("image", &picture),
        ("images", &json!({ "type": "array", "items": picture })),
        ("input", &numbers),
        ("inputs", &numbers),
    ];
    let one_input = one_input.map(|(member, form)| json!({ "required": [member], "properties": { member: form } }));
    json!({
        "Bytes": { "type": "string", "format": "binary" },
        "PredictJson": {
            "description": "Exactly one of image, images, input and inputs.",
            "allOf": [
                named("PredictMembers"),
                { "oneOf": one_input },
            ],
        },
        "PredictForm": {
            "type": "object",
            "required": ["image"],
            "properties": {
                "image": {
                    "type": "array", "items": named("Bytes"), "minItems": 1, "description": "A picture; may be repeated.",
                },
                "model": { "type": "string" },
                "version": { "type": "string" },
                "top_k": { "type": "integer", "minimum": 1 },
            },
            "additionalProperties": false,
        },
        "Health": {
            "type": "object",
            "required": ["status", "models", "prediction_log"],
            "properties": {
                "status": { "const": "ready" },
                "models": { "type": "array", "items": {
                    "type": "object",
                    "required": ["name", "state"],
                    "properties": { "name": { "type": "string" }, "state": state() },
                } },
                "prediction_log": {
                    "type": "object",
                    "required": ["enabled"],
                    "properties": {
                        "enabled": { "type": "boolean" },
                        "mode": { "type": "string", "enum": ["memory", "process", "power"] },
                        "spool": { "type": "string", "enum": ["available", "unavailable"] },
                        "spooled_records": { "type": "integer", "minimum": 0 },
                        "spooled_bytes": { "type": "integer", "minimum": 0 },
                        "oldest_seconds": { "type": "number", "minimum": 0 },
                    },
                },
            },
        },
        "Models": {
            "type": "object",
            "required": ["models"],
            "properties": { "models": { "type": "array", "items": {
                "type": "object",
                "required": ["name", "default", "state"],
                "properties": {
                    "name": { "type": "string" },
                    "default": { "type": "boolean", "description": "Whether it serves requests that name no model." },
                    "state": state(),
                    "version": { "type": "string", "description": "The one that serves." },
                    "versions": texts("Those that can be asked for."),
                    "sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Of the model's file." },
                    "engine": { "type": "string", "enum": ["tract", "onnxruntime"] },
                    "task": { "type": "string" },
                    "inputs": tensors,
                    "outputs": tensors,
                    "input": { "type": "object", "description": "Of pictures: size, colour, layout, shape and normalisation." },
                    "labels": texts("The classes, in the order of the output."),
                    "error": { "type": "string", "description": "Why it, or its newest version, does not serve." },
                },
            } } },
        },
    })
}

/// Those of the protocol, as it states them.
fn protocol() -> Value {
    let shape = shape();
    let tensors = tensors();
    let configured = json!({ "type": "array", "items": {
        "type": "object",
        "required": ["name", "data_type", "dims"],
        "properties": { "name": { "type": "string" }, "data_type": { "type": "string" }, "dims": shape },
    } });
    json!({
        "ServerLive": object(&json!({ "live": { "type": "boolean" } })),
        "ServerReady": object(&json!({ "ready": { "type": "boolean" }, "live": { "type": "boolean" } })),
        "ServerMetadata": object(&json!({
            "name": { "type": "string" },
            "version": { "type": "string" },
            "extensions": texts("What it can do beyond the protocol's core."),
        })),
        "ModelReady": object(&json!({ "name": { "type": "string" }, "ready": { "type": "boolean" } })),
        "ModelMetadata": object(&json!({
            "name": { "type": "string" },
            "versions": texts("Those that can be asked for."),
            "platform": { "type": "string" },
            "inputs": tensors,
            "outputs": tensors,
        })),
        "ModelConfig": object(&json!({
            "name": { "type": "string" },
            "platform": { "type": "string" },
            "backend": { "type": "string" },
            "max_batch_size": { "type": "integer", "minimum": 0 },
            "input": configured,
            "output": configured,
        })),
        "RepositoryIndex": { "type": "array", "items": {
            "type": "object",
            "required": ["name", "state", "reason"],
            "properties": {
                "name": { "type": "string" },
                "version": { "type": "string" },
                "state": { "type": "string", "enum": ["READY", "UNAVAILABLE"] },
                "reason": { "type": "string" },
            },
        } },
        "ModelStatistics": object(&json!({ "model_stats": { "type": "array", "items": object(&json!({
            "name": { "type": "string" },
            "version": { "type": "string" },
            "last_inference": count("When the last request ended, in milliseconds since 1970; 0 before the first."),
            "inference_count": count("Items that were answered."),
            "execution_count": count("Times that the model ran."),
            "inference_stats": {
                "type": "object",
                "additionalProperties": object(&json!({ "count": count("How often."), "ns": count("How long together.") })),
            },
            "batch_stats": { "type": "array", "items": {} },
        })) } })),
        "InferRequest": infer_request(),
        "InferResponse": infer_response(),
    })
}

/// What a model takes or gives.
fn tensors() -> Value {
    json!({ "type": "array", "items": {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": { "name": { "type": "string" }, "datatype": { "type": "string" }, "shape": shape() },
    } })
}

fn shape() -> Value {
    let size = json!({ "type": "integer", "minimum": -1 });
    json!({ "type": "array", "items": size, "description": "-1 is an open dimension." })
}

fn infer_request() -> Value {
    json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": { "type": ["string", "null"], "description": "Given back; also the request's id in logs." },
            "parameters": { "type": "object", "properties": { "binary_data_output": { "type": ["boolean", "null"] } } },
            "inputs": { "type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["name", "shape", "datatype"],
                "properties": {
                    "name": { "type": "string" },
                    "shape": {
                        "type": "array", "minItems": 1, "maxItems": 8, "items": { "type": "integer", "minimum": 0 },
                    },
                    "datatype": { "type": "string", "description": "As the model's metadata has it; BYTES for pictures as base64." },
                    "parameters": {
                        "type": "object",
                        "properties": { "binary_data_size": { "type": ["integer", "null"], "minimum": 0 } },
                    },
                    "data": { "description": "The elements, nested or flat." },
                },
            } },
            "outputs": { "type": "array", "maxItems": 16, "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": { "type": "string" },
                    "parameters": {
                        "type": "object",
                        "properties": {
                            "binary_data": { "type": ["boolean", "null"] },
                            "classification": {
                                "type": ["integer", "null"],
                                "minimum": 1,
                                "description": "That many classes as text, instead of numbers.",
                            },
                        },
                    },
                },
            } },
        },
    })
}

fn infer_response() -> Value {
    json!({
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": { "type": "string" },
            "model_version": { "type": "string" },
            "id": { "type": "string" },
            "outputs": { "type": "array", "items": {
                "type": "object",
                "required": ["name", "datatype", "shape"],
                "properties": {
                    "name": { "type": "string" },
                    "datatype": { "type": "string" },
                    "shape": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
                    "parameters": { "type": "object", "properties": { "binary_data_size": { "type": "integer" } } },
                    "data": { "type": "array", "items": {}, "description": "The elements, flat." },
                },
            } },
        },
    })
}

/// An object that always has these members.
fn object(members: &Value) -> Value {
    let names: Vec<&String> = members.as_object().into_iter().flat_map(|members| members.keys()).collect();
    json!({ "type": "object", "required": names, "properties": members })
}

fn count(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": description })
}

fn texts(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": description })
}

fn state() -> Value {
    json!({ "type": "string", "enum": ["loading", "ready", "failed"] })
}

fn named(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}
