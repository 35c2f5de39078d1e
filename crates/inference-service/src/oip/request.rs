//! An inference request, taken apart: the same for HTTP and gRPC.

use std::num::NonZeroUsize;
use std::sync::Arc;

use monitoring::ApiError;
use prediction_record::MAX_ID_CHARS;

use super::input::{RequestTensor, payload};
use super::refusal::{invalid, unfit};
use crate::model::Engine;
use crate::predict::Payload;

/// An output may be asked for more than once, as numbers and as classes; so often more than there are outputs.
const MORE_OUTPUTS: usize = 16;

/// What a request brings, and how it wants its answer.
pub(super) struct InferRequest {
    pub(super) payload: Payload,
    pub(super) options: AnswerOptions,
}

/// How a request wants its answer.
#[derive(Default)]
pub(super) struct AnswerOptions {
    /// What the client calls its request; given back.
    pub(super) id: Option<String>,
    /// The outputs that the client asks for; empty for all of them.
    pub(super) outputs: Vec<RequestedOutput>,
    /// Whether outputs that do not say so themselves come as bytes.
    pub(super) binary_output: bool,
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
    /// has; or as [`payload`].
    pub(super) fn new(
        tensors: Vec<RequestTensor<'_>>,
        options: AnswerOptions,
        engine: &Engine,
    ) -> Result<Self, ApiError> {
        options.check(engine)?;
        Ok(Self { payload: payload(tensors, engine)?, options })
    }
}

impl AnswerOptions {
    fn check(&self, engine: &Engine) -> Result<(), ApiError> {
        let there_are = &engine.signature().outputs;
        let most = there_are.len() + MORE_OUTPUTS;
        if self.outputs.len() > most {
            return Err(invalid(format!(
                "The request asks for {} outputs; at most {most} are told.",
                self.outputs.len()
            )));
        }
        for RequestedOutput { name, classes, .. } in &self.outputs {
            if there_are.iter().all(|spec| spec.name != *name) {
                let there_is = there_are.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(unfit(format!("The model has no output \"{name}\"; it has: {there_is}.")));
            }
            match engine.classes() {
                _ if classes.is_none() => {}
                None => {
                    return Err(unfit(format!("The model does not classify, so \"{name}\" has no classification.")));
                }
                Some(reader) if reader.output_name != *name => {
                    let sentence =
                        format!("The classes are those of the output \"{}\"; \"{name}\" has none.", reader.output_name);
                    return Err(unfit(sentence));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// How many classes are to be told of.
    pub(super) fn top_k(&self) -> NonZeroUsize {
        self.outputs.iter().filter_map(|output| output.classes).max().unwrap_or(NonZeroUsize::MIN)
    }
}

/// The client's name for its request, which the prediction log takes, too; `None` if it has none.
///
/// # Errors
/// `invalid_request` for a name that cannot be recorded.
pub(super) fn request_id(id: Option<&str>) -> Result<Option<Arc<str>>, ApiError> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) if id.chars().count() > MAX_ID_CHARS || id.chars().any(char::is_control) => Err(invalid(format!(
            "The id must be a text of at most {MAX_ID_CHARS} characters, without control characters."
        ))),
        id => Ok(id.map(Arc::from)),
    }
}
