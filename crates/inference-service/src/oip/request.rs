//! An inference request, taken apart: the same for HTTP and gRPC.

use std::num::NonZeroUsize;
use std::sync::Arc;

use monitoring::ApiError;

use super::input::Tensor;
use super::{invalid, unfit};
use crate::model::{Signature, TensorSpec};
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
    input: Input,
}

/// One output that is asked for.
pub(super) struct RequestedOutput {
    pub(super) name: String,
    pub(super) binary: Option<bool>,
    /// Instead of its numbers, that many of the likeliest classes as `confidence:class:label`.
    pub(super) classes: Option<NonZeroUsize>,
}

struct Input {
    name: String,
    inputs: Inputs,
}

impl InferRequest {
    /// # Errors
    /// `invalid_request` for too many outputs, or as [`Tensor::inputs`].
    pub(super) fn new(id: Option<String>, input: Tensor<'_>, outputs: Vec<RequestedOutput>) -> Result<Self, ApiError> {
        if outputs.len() > MAX_OUTPUTS {
            return Err(invalid(format!("The request asks for more than {MAX_OUTPUTS} outputs.")));
        }
        let input = Input { name: input.name.clone(), inputs: input.inputs()? };
        Ok(Self { id, outputs, binary_output: false, input })
    }

    /// The inputs, if the model has an input and outputs of the names that were asked for.
    ///
    /// # Errors
    /// `invalid_input`, saying which names there are.
    pub(super) fn inputs_for(&mut self, signature: &Signature) -> Result<Inputs, ApiError> {
        let names = |specs: &[TensorSpec]| specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>().join(", ");
        if signature.inputs.iter().all(|spec| spec.name != self.input.name) {
            let (found, there_is) = (&self.input.name, names(&signature.inputs));
            return Err(unfit(format!("The model has no input {found:?}; it has: {there_is}.")));
        }
        for RequestedOutput { name, .. } in &self.outputs {
            if signature.outputs.iter().all(|spec| spec.name != *name) {
                let there_is = names(&signature.outputs);
                return Err(unfit(format!("The model has no output {name:?}; it has: {there_is}.")));
            }
        }
        Ok(std::mem::replace(&mut self.input.inputs, Inputs::Images(Vec::new())))
    }

    /// The id as that of the request in logs, if it can be one.
    pub(super) fn request_id(&self) -> Option<Arc<str>> {
        self.id.as_deref().filter(|id| predict::is_request_id(id)).map(Arc::from)
    }

    /// How many classes are to be told of.
    pub(super) fn top_k(&self) -> NonZeroUsize {
        self.outputs.iter().filter_map(|output| output.classes).max().unwrap_or(NonZeroUsize::MIN)
    }
}

/// The one input of a request.
///
/// # Errors
/// `invalid_input` for another number of them.
pub(super) fn only<T>(inputs: Vec<T>) -> Result<T, ApiError> {
    <[T; 1]>::try_from(inputs)
        .map(|[input]| input)
        .map_err(|inputs| unfit(format!("The request has {} inputs; the model takes one.", inputs.len())))
}
