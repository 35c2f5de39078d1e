//! An inference request, taken apart: the same for HTTP and gRPC.

use std::num::NonZeroUsize;
use std::sync::Arc;

use monitoring::ApiError;

use super::input::{Tensor, inputs};
use super::{invalid, unfit};
use crate::model::{Engine, Task};
use crate::predict::{self, Inputs};

const MAX_OUTPUTS: usize = 16;

/// What a request asks.
pub(super) struct InferRequest {
    /// What the client calls it; given back.
    pub(super) id: Option<String>,
    /// The outputs that it asks for; none: all of them.
    pub(super) outputs: Vec<RequestedOutput>,
    /// Whether outputs that do not say so themselves come as bytes.
    pub(super) binary_output: bool,
    /// Taken when the model is asked.
    inputs: Option<Inputs>,
}

/// One output that is asked for.
pub(super) struct RequestedOutput {
    pub(super) name: String,
    pub(super) binary: Option<bool>,
    /// Instead of its numbers, that many of the likeliest classes as `confidence:class:label`.
    pub(super) classes: Option<NonZeroUsize>,
}

impl InferRequest {
    /// A request to this model.
    ///
    /// # Errors
    /// `invalid_request` for too many outputs; `invalid_input` for outputs that the model does not have, saying which it
    /// has; or as [`input::inputs`].
    pub(super) fn new(
        id: Option<String>,
        tensors: Vec<Tensor<'_>>,
        outputs: Vec<RequestedOutput>,
        engine: &Engine,
    ) -> Result<Self, ApiError> {
        if outputs.len() > MAX_OUTPUTS {
            return Err(invalid(format!("The request asks for more than {MAX_OUTPUTS} outputs.")));
        }
        let there_are = &engine.signature().outputs;
        for RequestedOutput { name, classes, .. } in &outputs {
            if there_are.iter().all(|spec| spec.name != *name) {
                let there_is = there_are.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(unfit(format!("The model has no output {name:?}; it has: {there_is}.")));
            }
            if classes.is_some() && engine.task() != Task::Classification {
                return Err(unfit(format!("The model does not classify, so {name:?} has no classification.")));
            }
        }
        Ok(Self { id, outputs, binary_output: false, inputs: Some(inputs(tensors, engine)?) })
    }

    /// What the model is asked with; once.
    pub(super) fn take_inputs(&mut self) -> Inputs {
        self.inputs.take().unwrap_or_else(|| Inputs::Images(Vec::new()))
    }

    /// How many classes are to be told of.
    pub(super) fn top_k(&self) -> NonZeroUsize {
        self.outputs.iter().filter_map(|output| output.classes).max().unwrap_or(NonZeroUsize::MIN)
    }
}

/// What a client calls its request, as the request's id in logs, if it can be one.
pub(super) fn request_id(id: Option<&str>) -> Option<Arc<str>> {
    id.filter(|id| predict::is_request_id(id)).map(Arc::from)
}
