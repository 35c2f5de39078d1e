//! A service's description in OpenAPI: what its handlers say of themselves, and what is true of every operation.
//!
//! Rule of thumb: an operation describes what is special about it. Ids, `Retry-After`, the shape of refusals and the routes
//! that every service has are added here, once for all.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{ErrorCode, REQUEST_ID, TRACEPARENT, refusals_of};
use crate::metrics::LabelEnum as _;

/// The routes that every service has.
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

/// A path that is answered like another one.
#[derive(Clone, Debug)]
pub struct PathAlias {
    /// The path. Parameters that the other path lacks are texts.
    pub path: String,
    /// The path that is described already.
    pub like: String,
    /// What is added to the ids of the operations.
    pub id_suffix: &'static str,
}

/// The whole description: a service's own, these component schemas beside those of its types, the aliases, and the routes
/// that every service has. A service that says more on `GET /health` than its status has a schema `Health`.
#[must_use]
pub fn describe(own: utoipa::openapi::OpenApi, schemas: Value, aliases: &[PathAlias]) -> Value {
    // A value whose keys are all strings can always be written.
    let mut document = serde_json::to_value(own.merge_from(EveryService::openapi())).unwrap_or_default();
    let components = &mut document["components"];
    if let (Value::Object(schemas), Some(known)) = (schemas, object(&mut components["schemas"])) {
        known.extend(schemas);
        known.insert("Refusal".to_owned(), refusal());
        known.insert("Live".to_owned(), status_of(&["live"]));
        known.entry("Health").or_insert_with(|| status_of(&["ready"]));
    }
    components["parameters"] = parameters();
    components["headers"] = headers();
    components["securitySchemes"]["key"] =
        json!({ "type": "http", "scheme": "bearer", "description": "Where the service was given keys." });
    if let Some(paths) = object(&mut document["paths"]) {
        let ready = PathAlias { path: "/health/ready".to_owned(), like: "/health".to_owned(), id_suffix: "Ready" };
        for alias in aliases.iter().chain([&ready]) {
            let twin = paths.get(&alias.like).map(|operations| twin(operations, alias));
            paths.extend(twin.map(|twin| (alias.path.clone(), twin)));
        }
        for (path, operations) in paths {
            object(operations).into_iter().flat_map(Map::values_mut).for_each(|operation| complete(path, operation));
        }
    }
    // Wherever the description comes from, there the service is.
    document["servers"] = json!([{ "url": "/" }]);
    without_widths(&mut document);
    document
}

/// Removes `int32` and `int64`: a client would take them for the signed types, which hold less than our unsigned numbers.
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

/// The operations of an alias, from those of the path that it is answered like.
fn twin(operations: &Value, alias: &PathAlias) -> Value {
    let mut operations = operations.clone();
    for operation in object(&mut operations).into_iter().flat_map(Map::values_mut) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        operation["operationId"] = format!("{id}{}", alias.id_suffix).into();
        let Some(parameters) = list(&mut operation["parameters"]) else { continue };
        let named = alias.path.split(['{', '}']).skip(1).step_by(2);
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

/// Adds what is true of every operation.
fn complete(path: &str, operation: &mut Value) {
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
    // Health checks need no key.
    let of_all = if path.starts_with("/health") {
        operation["security"] = json!([]);
        vec![ErrorCode::Internal]
    } else {
        operation["security"] = json!([{}, { "key": [] }]);
        vec![ErrorCode::Internal, ErrorCode::Unauthorized]
    };
    let answers = &mut operation["responses"];
    for (status, failure) in refusals_of(&of_all) {
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

/// A body whose member `status` says one of these.
fn status_of(states: &[&str]) -> Value {
    json!({ "type": "object", "required": ["status"], "properties": { "status": { "type": "string", "enum": states } } })
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

/// The value as a list; a value that is not there becomes an empty one.
fn list(value: &mut Value) -> Option<&mut Vec<Value>> {
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut()
}

/// The value as an object; a value that is not there becomes an empty one.
fn object(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}
