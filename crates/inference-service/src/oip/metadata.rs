//! What a model takes and gives, in the words of the protocol.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::{Engine, TensorSpec};
use crate::serving::{Loaded, Model, ModelState};

/// The format of the models, as the protocol calls it.
pub(super) const PLATFORM: &str = "onnx_onnxv1";
/// The state of a model that serves.
pub(super) const READY: &str = "READY";
/// What this service can do beyond the protocol's core.
pub(super) const EXTENSIONS: [&str; 5] =
    ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"];

/// An input or output of a model.
pub(super) struct Description<'a> {
    pub(super) name: &'a str,
    pub(super) datatype: &'static str,
    /// The shape of one item.
    pub(super) item: Vec<i64>,
}

impl Description<'_> {
    /// -1 is a dimension that is open: the number of items.
    pub(super) fn shape(&self) -> Vec<i64> {
        std::iter::once(-1).chain(self.item.iter().copied()).collect()
    }
}

/// What it takes, and what it gives.
pub(super) fn tensors(engine: &Engine) -> (Vec<Description<'_>>, Vec<Description<'_>>) {
    let input: Vec<_> = engine.config().input.item_shape().iter().map(|size| *size as i64).collect();
    let output = [engine.labels().len() as i64];
    let signature = engine.signature();
    (described(&signature.inputs, &input), described(&signature.outputs, &output))
}

/// One model of the repository's index.
pub(super) struct Indexed {
    pub(super) version: Option<String>,
    pub(super) state: &'static str,
    pub(super) reason: String,
}

/// Its lines in the repository's index: one for each version that can be asked for.
pub(super) fn indexed(model: &Model) -> Vec<Indexed> {
    let unavailable = |reason: &str| vec![Indexed { version: None, state: "UNAVAILABLE", reason: reason.to_owned() }];
    match &model.state {
        ModelState::Loading => unavailable("it is loading"),
        ModelState::Failed(problem) => unavailable(problem),
        ModelState::Unloaded => unavailable("unloaded"),
        ModelState::Ready(versions) => {
            let reason = versions.problem.clone().unwrap_or_default();
            let ready = |loaded: &Arc<Loaded>| Indexed {
                version: Some(loaded.engine.version().to_owned()),
                state: READY,
                reason: reason.clone(),
            };
            versions.all().map(ready).collect()
        }
    }
}

/// Names, datatypes and shapes.
pub(super) fn metadata(engine: &Engine, versions: &[String]) -> Value {
    let tensor = |it: &Description<'_>| json!({ "name": it.name, "datatype": it.datatype, "shape": it.shape() });
    let (inputs, outputs) = tensors(engine);
    json!({
        "name": engine.name(),
        "versions": versions,
        "platform": PLATFORM,
        "inputs": inputs.iter().map(tensor).collect::<Value>(),
        "outputs": outputs.iter().map(tensor).collect::<Value>(),
    })
}

/// The same as a configuration, whose shapes are those of one item.
pub(super) fn config(engine: &Engine, max_batch: usize) -> Value {
    let tensor = |it: &Description<'_>| json!({ "name": it.name, "data_type": format!("TYPE_{}", it.datatype), "dims": it.item });
    let (inputs, outputs) = tensors(engine);
    json!({
        "name": engine.name(),
        "platform": PLATFORM,
        "backend": engine.runtime().as_str(),
        "max_batch_size": max_batch,
        "input": inputs.iter().map(tensor).collect::<Value>(),
        "output": outputs.iter().map(tensor).collect::<Value>(),
    })
}

/// The lines of one model in the repository's index.
pub(super) fn index_entries(model: &Model) -> Vec<Value> {
    let line = |Indexed { version, state, reason }: Indexed| match version {
        None => json!({ "name": model.name, "state": state, "reason": reason }),
        Some(version) => json!({ "name": model.name, "version": version, "state": state, "reason": reason }),
    };
    indexed(model).into_iter().map(line).collect()
}

fn described<'a>(specs: &'a [TensorSpec], item: &[i64]) -> Vec<Description<'a>> {
    let described = specs.iter().map(|spec| Description {
        name: &spec.name,
        datatype: spec.datatype.unwrap_or("FP32"),
        item: item.to_owned(),
    });
    described.collect()
}
