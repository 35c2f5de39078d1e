//! The schemas that say more than their types: which members exclude one another, and what the health of every service has.

use serde_json::{Value, json};

/// With or without its padding, perhaps as a `data:` URL.
const BASE64: &str = "^(data:image/(jpeg|png|webp|bmp);base64,)?([A-Za-z0-9+/]{4})*\
                      ([A-Za-z0-9+/][AQgw](==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=?)?$";

/// By name.
pub(super) fn schemas() -> Value {
    let picture = json!({ "type": "string", "pattern": BASE64 });
    let pictures = json!({ "type": "array", "items": picture });
    let tensors = named("JsonTensors");
    let row = json!({ "type": "object", "additionalProperties": named("FeatureValue") });
    let rows = json!({ "type": "array", "items": row, "minItems": 1 });
    let one_input =
        [("image", &picture), ("images", &pictures), ("input", &tensors), ("inputs", &tensors), ("rows", &rows)];
    let one_input = one_input
        .map(|(member, schema)| json!({ "type": "object", "required": [member], "properties": { member: schema } }));
    json!({
        "PredictJson": {
            "description": "Exactly one of image, images, input, inputs and rows.",
            "allOf": [named("PredictMembers"), { "oneOf": one_input }],
        },
        "Health": {
            "description": "That the service is ready, and what it says of itself.",
            "allOf": [
                { "type": "object", "required": ["status"], "properties": { "status": { "const": "ready" } } },
                named("HealthDetails"),
            ],
        },
    })
}

fn named(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}
