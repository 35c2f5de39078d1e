//! Bodies that the service takes as they stand here; a test sends each.

use serde_json::{Value, json};

/// A grey dot, which is a PNG of 67 bytes.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";

/// A picture and how many classes to tell of.
pub(crate) fn predict() -> Value {
    json!({ "model": "cifar10", "top_k": 3, "image": PICTURE })
}

/// The same in the words of the protocol, with the classes as text.
pub(crate) fn infer() -> Value {
    json!({
        "id": "visit-1",
        "inputs": [{ "name": "input", "shape": [1], "datatype": "BYTES", "data": [PICTURE] }],
        "outputs": [{ "name": "logits", "parameters": { "classification": 3 } }],
    })
}

/// A picture in the words of TensorFlow's clients, which are MLflow's as well.
pub(crate) fn instances() -> Value {
    json!({ "instances": [{ "b64": PICTURE }] })
}
