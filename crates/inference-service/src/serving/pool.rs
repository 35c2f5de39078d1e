//! The inference threads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;
use tracing::Span;

use super::queue::{LaneQueue, QueueTicket};
use super::{Admission, LoadedVersion, QueueSlots};
use crate::input::ModelInput;
use crate::model::{ModelError, Tensor};

/// One item on its way to an inference thread.
pub(crate) struct InferenceJob {
    /// The version that it is for, which stays loaded until it is answered.
    pub(crate) model: Arc<LoadedVersion>,
    pub(crate) input: ModelInput,
    /// Past this, the item is not run any more.
    pub(crate) deadline: Instant,
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

type RunResult = Result<(Vec<Tensor>, RunTimes), RunError>;

/// What waits in the queue.
pub(super) struct QueuedJob {
    work: InferenceJob,
    span: Span,
    reply: oneshot::Sender<RunResult>,
}

/// The inference threads. Dropping it lets them finish what they were given and ends them.
pub(crate) struct InferencePool {
    queue: LaneQueue<QueuedJob>,
}

impl InferencePool {
    /// Starts so many threads, which work on what `admission` lets in.
    pub(crate) fn start(threads: usize, admission: &Admission) -> io::Result<Self> {
        let pool = Self { queue: admission.queue.clone() };
        for number in 0..threads {
            let queue = pool.queue.clone();
            thread::Builder::new().name(format!("inference-{number}")).spawn(move || serve(&queue))?;
        }
        Ok(pool)
    }

    /// Queues one item on one of the places that its request holds.
    pub(crate) fn submit(&self, slots: &mut QueueSlots, work: InferenceJob) -> RunningJob {
        let (reply, result) = oneshot::channel();
        // Without a ticket the reply is dropped, which says that the threads have stopped.
        let ticket = slots.0.queue(QueuedJob { work, span: Span::current(), reply }).ok();
        RunningJob { result, ticket }
    }
}

impl Drop for InferencePool {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The answer to one item. Dropping it takes the item out of the queue.
pub(crate) struct RunningJob {
    result: oneshot::Receiver<RunResult>,
    ticket: Option<QueueTicket<QueuedJob>>,
}

impl Future for RunningJob {
    type Output = RunResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<RunResult> {
        let result = ready!(Pin::new(&mut self.result).poll(context));
        if let Some(ticket) = &mut self.ticket {
            ticket.used();
        }
        Poll::Ready(result.unwrap_or(Err(RunError::Stopped)))
    }
}

fn serve(queue: &LaneQueue<QueuedJob>) {
    while let Some((jobs, mut turn)) = queue.next() {
        let started = Instant::now();
        let jobs: Vec<QueuedJob> = jobs.into_iter().filter_map(|job| job.unless_late(started)).collect();
        let Some(first) = jobs.first() else { continue };
        let results = {
            let _entered = first.span.enter();
            let inputs: Vec<&ModelInput> = jobs.iter().map(|job| &job.work.input).collect();
            first.work.model.run(&inputs)
        };
        let times = RunTimes { started, ended: Instant::now() };
        turn.took(jobs.len(), times.ended.duration_since(started).as_secs_f64());
        for (job, result) in jobs.into_iter().zip(results) {
            // The client may have left meanwhile.
            let _ = job.reply.send(result.map(|outputs| (outputs, times)).map_err(RunError::from));
        }
    }
}

impl QueuedJob {
    /// Sheds what nobody waits for any more.
    fn unless_late(self, now: Instant) -> Option<Self> {
        if now >= self.work.deadline {
            // The client may have left in this moment.
            let _ = self.reply.send(Err(RunError::Expired));
            return None;
        }
        (!self.reply.is_closed()).then_some(self)
    }
}
