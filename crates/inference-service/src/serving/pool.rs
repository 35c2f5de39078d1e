//! The inference threads.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;
use tracing::Span;

use super::Admission;
use super::admission::QueueSlots;
use super::job::{InferenceJob, JobAnswer, QueuedJob, RunError, RunTimes};
use super::queue::{LaneQueue, QueueTicket, TakenTurn};
use crate::input::ModelInput;

/// The inference threads. When it is dropped, they finish what they were given, and end.
pub(crate) struct InferencePool {
    queue: LaneQueue<QueuedJob>,
}

impl InferencePool {
    /// Starts so many threads, which run what `admission` lets in.
    pub(crate) fn start(threads: usize, admission: &Admission) -> io::Result<Self> {
        let pool = Self { queue: admission.queue.clone() };
        for number in 0..threads {
            let queue = pool.queue.clone();
            thread::Builder::new().name(format!("inference-{number}")).spawn(move || serve(&queue))?;
        }
        Ok(pool)
    }

    /// Queues one item on one of the places that its request holds.
    pub(crate) fn submit(&self, slots: &mut QueueSlots, job: InferenceJob) -> RunningJob {
        let (reply, answer) = oneshot::channel();
        // Without a ticket the reply is dropped, which says that the threads have stopped.
        let ticket = slots.0.queue(QueuedJob { job, span: Span::current(), reply }).ok();
        RunningJob { answer, ticket }
    }
}

impl Drop for InferencePool {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A job that was submitted; the future gives its answer. Dropping it takes the item out of the queue.
pub(crate) struct RunningJob {
    answer: oneshot::Receiver<Result<JobAnswer, RunError>>,
    ticket: Option<QueueTicket<QueuedJob>>,
}

impl Future for RunningJob {
    type Output = Result<JobAnswer, RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        if let Some(ticket) = &mut self.ticket {
            ticket.mark_used();
        }
        Poll::Ready(answer.unwrap_or(Err(RunError::Stopped)))
    }
}

/// The work of one thread: runs whose turn it is, until the queue is closed and empty.
fn serve(queue: &LaneQueue<QueuedJob>) {
    while let Some(TakenTurn { items, mut on_thread }) = queue.next() {
        let started = Instant::now();
        let jobs: Vec<QueuedJob> = items.into_iter().filter_map(|job| job.unless_late(started)).collect();
        let Some(first) = jobs.first() else { continue };
        let results = {
            let _entered = first.span.enter();
            let inputs: Vec<&ModelInput> = jobs.iter().map(|queued| &queued.job.input).collect();
            first.job.version.run(&inputs)
        };
        let times = RunTimes { started, ended: Instant::now() };
        on_thread.record_run(jobs.len(), times.ended.duration_since(started).as_secs_f64());
        for (job, result) in jobs.into_iter().zip(results) {
            // The client may have left meanwhile.
            let _ = job.reply.send(result.map(|outputs| JobAnswer { outputs, times }).map_err(RunError::from));
        }
    }
}
