//! One item on its way to an inference thread, and what comes back.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tracing::Span;

use super::LoadedVersion;
use crate::input::ModelInput;
use crate::model::{ModelError, Tensor};

/// One item on its way to an inference thread.
pub(crate) struct InferenceJob {
    /// The version that it is for, which stays loaded until the item is answered.
    pub(crate) version: Arc<LoadedVersion>,
    pub(crate) input: ModelInput,
    /// Past this, the item is not run any more.
    pub(crate) deadline: Instant,
}

/// What a thread made of an item.
#[derive(Debug)]
pub(crate) struct JobAnswer {
    pub(crate) outputs: Vec<Tensor>,
    pub(crate) times: RunTimes,
}

/// When an item ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunTimes {
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
}

/// Why an item has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("its deadline passed before a thread was free")]
    Expired,
    #[error("the inference threads have stopped")]
    Stopped,
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A job as it waits in the queue.
pub(super) struct QueuedJob {
    pub(super) job: InferenceJob,
    /// The span of its request.
    pub(super) span: Span,
    pub(super) reply: oneshot::Sender<Result<JobAnswer, RunError>>,
}

impl QueuedJob {
    /// The job, unless its time is over or its client has left.
    pub(super) fn unless_late(self, now: Instant) -> Option<Self> {
        if now >= self.job.deadline {
            // The client may have left in this moment.
            let _ = self.reply.send(Err(RunError::Expired));
            return None;
        }
        (!self.reply.is_closed()).then_some(self)
    }
}
