//! What a model takes and gives, in the words of the protocol.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::{Datatype, Engine, Signature, Task, TensorSpec};
use crate::serving::{LoadedVersion, Model, ModelState};

/// The format of the models, as the protocol calls it.
pub(super) const PLATFORM: &str = "onnx_onnxv1";
/// The state of a model that serves.
pub(super) const READY: &str = "READY";
/// What this service can do beyond the protocol's core.
pub(super) const EXTENSIONS: [&str; 5] =
    ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"];

/// An input or output of a model.
pub(crate) struct Description<'a> {
    pub(super) name: &'a str,
    pub(super) datatype: Datatype,
    /// The shape of one item, or of the whole tensor.
    pub(super) dimensions: Vec<i64>,
    is_item: bool,
}

impl Description<'_> {
    /// -1 is a dimension that is open, as the number of items is.
    pub(crate) fn shape(&self) -> Vec<i64> {
        self.is_item.then_some(-1).into_iter().chain(self.dimensions.iter().copied()).collect()
    }

    /// As an object.
    pub(crate) fn json(&self) -> Value {
        json!({ "name": self.name, "datatype": self.datatype.as_str(), "shape": self.shape() })
    }

    /// The type's name in a configuration.
    pub(super) fn config_type(&self) -> String {
        match self.datatype {
            Datatype::Bytes => "TYPE_STRING".to_owned(),
            other => format!("TYPE_{other}"),
        }
    }
}

/// What it takes, and what it gives.
pub(crate) fn tensors(engine: &Engine) -> (Vec<Description<'_>>, Vec<Description<'_>>) {
    let Signature { inputs, outputs } = engine.signature();
    let sizes = |sizes: &[Option<usize>]| sizes.iter().map(|size| size.map_or(-1, |size| size as i64)).collect();
    let is_item = !engine.takes_whole_tensors();
    let described = |spec: &TensorSpec| match (is_item, spec.item(), &spec.shape) {
        (true, Some(item), _) => sizes(item),
        (false, _, Some(shape)) => sizes(shape),
        _ => Vec::new(),
    };
    let input = |spec: &TensorSpec| match &engine.config().input {
        Some(picture) => picture.item_shape().map(|size| size as i64).to_vec(),
        None => described(spec),
    };
    let output = |spec: &TensorSpec| match engine.task() {
        Task::Classification => vec![engine.labels().len() as i64],
        Task::Regression | Task::Raw => described(spec),
    };
    (all(inputs, is_item, input), all(outputs, is_item, output))
}

fn all<'a>(
    specs: &'a [TensorSpec],
    is_item: bool,
    dimensions: impl Fn(&TensorSpec) -> Vec<i64>,
) -> Vec<Description<'a>> {
    let described = specs.iter().map(|spec| Description {
        name: &spec.name,
        datatype: spec.datatype.unwrap_or(Datatype::Fp32),
        dimensions: dimensions(spec),
        is_item,
    });
    described.collect()
}

/// Most items of a request, as a configuration says it: 0 for a model without items.
pub(super) fn items_of_request(engine: &Engine, max_batch: usize) -> usize {
    if engine.takes_whole_tensors() { 0 } else { max_batch }
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
            let ready = |loaded: &Arc<LoadedVersion>| Indexed {
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
    let (inputs, outputs) = tensors(engine);
    json!({
        "name": engine.name(),
        "versions": versions,
        "platform": PLATFORM,
        "inputs": inputs.iter().map(Description::json).collect::<Value>(),
        "outputs": outputs.iter().map(Description::json).collect::<Value>(),
    })
}

/// The same as a configuration, whose shapes are those of one item.
pub(super) fn config(engine: &Engine, max_batch: usize) -> Value {
    let tensor =
        |it: &Description<'_>| json!({ "name": it.name, "data_type": it.config_type(), "dims": it.dimensions });
    let (inputs, outputs) = tensors(engine);
    json!({
        "name": engine.name(),
        "platform": PLATFORM,
        "backend": engine.runtime().as_str(),
        "max_batch_size": items_of_request(engine, max_batch),
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
