//! A service's description in OpenAPI: what its handlers say of themselves, and what is true of every operation.
//!
//! Rule of thumb: an operation says what is special about it; ids, `Retry-After`, the shape of refusals and what every
//! service answers are added here, once for all.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{ErrorCode, REQUEST_ID, TRACEPARENT, refusals_of};
use crate::metrics::LabelEnum as _;

/// What every service answers.
#[derive(OpenApi)]
#[openapi(
    paths(
        super::docs::openapi,
        super::docs::docs,
        super::docs::docs_file,
        crate::health::health,
        crate::health::live,
        crate::metrics::route::exposition
    ),
    tags(
        (name = "health", description = "Whether to restart the service, and whether to send it traffic."),
        (name = "metrics", description = "What Prometheus asks."),
        (name = "description", description = "This description, and a page to read it and to try it out."),
    )
)]
struct EveryService;

/// The whole description: a service's own with these component schemas beside those of its types, and what every service
/// answers. `also` are paths that are answered as others: path, the other, and the suffix of its operations' ids.
#[must_use]
pub fn describe(own: utoipa::openapi::OpenApi, schemas: Value, also: &[(&str, &str, &str)]) -> Value {
    // What has only texts as keys can always be written.
    let mut document = serde_json::to_value(own.merge_from(EveryService::openapi())).unwrap_or_default();
    let components = &mut document["components"];
    if let (Value::Object(schemas), Some(known)) = (schemas, object(&mut components["schemas"])) {
        known.extend(schemas);
        known.insert("Refusal".to_owned(), refusal());
        known.insert("Live".to_owned(), live());
    }
    components["parameters"] = parameters();
    components["headers"] = headers();
    if let Some(paths) = object(&mut document["paths"]) {
        for (path, other, suffix) in also.iter().chain(&[("/health/ready", "/health", "Ready")]) {
            let twin = paths.get(*other).map(|operations| twin(operations, path, suffix));
            paths.extend(twin.map(|twin| ((*path).to_owned(), twin)));
        }
        paths.values_mut().filter_map(object).flat_map(Map::values_mut).for_each(complete);
    }
    without_widths(&mut document);
    document
}

/// Of a number without a sign, a client would take `int32` for less than it is; its bounds say all there is.
fn without_widths(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, value| name != "format" || (*value != "int32" && *value != "int64"));
            members.values_mut().for_each(without_widths);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_widths),
        _ => {}
    }
}

/// The operations of a path under another one, whose further parameters are texts.
fn twin(operations: &Value, path: &str, suffix: &str) -> Value {
    let mut operations = operations.clone();
    for operation in object(&mut operations).into_iter().flat_map(Map::values_mut) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        operation["operationId"] = format!("{id}{suffix}").into();
        let Some(parameters) = list(&mut operation["parameters"]) else { continue };
        let named = path.split(['{', '}']).skip(1).step_by(2);
        for name in named {
            if parameters.iter().all(|parameter| parameter["name"] != name) {
                parameters.push(json!({
                    "name": name, "in": "path", "required": true, "schema": { "type": "string" }, "example": "1",
                }));
            }
        }
    }
    operations
}

/// What is true of every operation.
fn complete(operation: &mut Value) {
    let Some(parameters) = list(&mut operation["parameters"]) else { return };
    // A parameter can be left out, but it cannot be null.
    for schema in parameters.iter_mut().map(|parameter| &mut parameter["schema"]) {
        if let Value::Array(types) = &schema["type"] {
            schema["type"] = types.iter().find(|name| **name != "null").cloned().unwrap_or_default();
        }
    }
    for name in [REQUEST_ID, TRACEPARENT] {
        parameters.push(json!({ "$ref": format!("#/components/parameters/{name}") }));
    }
    let answers = &mut operation["responses"];
    for (status, failure) in refusals_of(&[ErrorCode::Internal]) {
        answers[status] = serde_json::to_value(failure).unwrap_or_default();
    }
    for (status, answer) in object(answers).into_iter().flatten() {
        let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
        answer["headers"][REQUEST_ID] = header(REQUEST_ID);
        if ["429", "503"].contains(&status.as_str()) {
            answer["headers"]["retry-after"] = header("retry-after");
        }
    }
}

/// The one shape of a refusal.
fn refusal() -> Value {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "Why a request was refused. Some refusals have more members, which say where.",
        "required": ["error", "code", "request_id"],
        "properties": {
            "error": { "type": "string", "description": "A sentence: what is wrong and what to do." },
            "code": {
                "type": "string",
                "enum": codes,
                "description": "The kind of refusal: also `error_type` in logs, metrics and the prediction log.",
            },
            "request_id": { "type": "string", "description": "The id under which the log has this request." },
        },
    })
}

fn live() -> Value {
    json!({ "type": "object", "required": ["status"], "properties": { "status": { "const": "live" } } })
}

fn parameters() -> Value {
    json!({
        REQUEST_ID: {
            "name": REQUEST_ID,
            "in": "header",
            "description": "The request's id: 1 to 128 visible ASCII characters; otherwise one is made.",
            "schema": { "type": "string" },
        },
        TRACEPARENT: {
            "name": TRACEPARENT,
            "in": "header",
            "description": "The W3C trace that the request belongs to; otherwise one is begun.",
            "schema": { "type": "string" },
        },
    })
}

fn headers() -> Value {
    json!({
        REQUEST_ID: {
            "description": "The request's id, as it was sent or made.",
            "required": true,
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        },
        "retry-after": {
            "description": "Seconds after which to try again.",
            "schema": { "type": "integer", "minimum": 1, "maximum": 3600 },
        },
    })
}

/// The value as a list; what is not there becomes an empty one.
fn list(value: &mut Value) -> Option<&mut Vec<Value>> {
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut()
}

/// The value as an object; what is not there becomes an empty one.
fn object(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}
