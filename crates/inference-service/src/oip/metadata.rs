//! What a model takes and gives, in the words of the protocol.

use serde_json::{Value, json};

use crate::model::{Engine, TensorSpec};
use crate::serving::{Model, ModelState};

/// Names, datatypes and shapes; -1 is a dimension that is open: the number of items.
pub(super) fn metadata(engine: &Engine, versions: &[&str]) -> Value {
    let tensor = |spec: &TensorSpec, item: &[usize]| {
        let shape: Vec<i64> = std::iter::once(-1).chain(item.iter().map(|size| *size as i64)).collect();
        json!({ "name": spec.name, "datatype": spec.datatype.unwrap_or("FP32"), "shape": shape })
    };
    let (input, output) = items(engine);
    json!({
        "name": engine.name(),
        "versions": versions,
        "platform": "onnx_onnxv1",
        "inputs": engine.signature().inputs.iter().map(|spec| tensor(spec, &input)).collect::<Value>(),
        "outputs": engine.signature().outputs.iter().map(|spec| tensor(spec, &output)).collect::<Value>(),
    })
}

/// The same as a configuration, whose shapes are those of one item.
pub(super) fn config(engine: &Engine, max_batch: usize) -> Value {
    let tensor = |spec: &TensorSpec, item: &[usize]| json!({ "name": spec.name, "data_type": format!("TYPE_{}", spec.datatype.unwrap_or("FP32")), "dims": item });
    let (input, output) = items(engine);
    json!({
        "name": engine.name(),
        "platform": "onnx_onnxv1",
        "backend": engine.runtime().as_str(),
        "max_batch_size": max_batch,
        "input": engine.signature().inputs.iter().map(|spec| tensor(spec, &input)).collect::<Value>(),
        "output": engine.signature().outputs.iter().map(|spec| tensor(spec, &output)).collect::<Value>(),
    })
}

/// The lines of one model in the repository's index: one for each version that can be asked for.
pub(super) fn index_entries(model: &Model) -> Vec<Value> {
    let unavailable = |reason: &str| json!({ "name": model.name, "state": "UNAVAILABLE", "reason": reason });
    let ready = |engine: &Engine, reason: &str| json!({ "name": model.name, "version": engine.version(), "state": "READY", "reason": reason });
    match &model.state {
        ModelState::Loading => vec![unavailable("it is loading")],
        ModelState::Failed(problem) => vec![unavailable(problem)],
        ModelState::Ready(versions) => {
            let reason = versions.problem.as_deref().unwrap_or_default();
            versions.all().map(|loaded| ready(&loaded.engine, reason)).collect()
        }
    }
}

/// The shapes of one item's input and output.
fn items(engine: &Engine) -> (Vec<usize>, Vec<usize>) {
    (engine.config().input.item_shape().to_vec(), vec![engine.labels().len()])
}
