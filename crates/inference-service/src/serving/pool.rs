//! The inference threads.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;
use tracing::Span;

use super::{Admission, Loaded, Slots};
use crate::input::ModelInput;
use crate::model::{ModelError, Tensor};

/// One item on its way to an inference thread.
pub(crate) struct Work {
    /// The version that it is for, which stays loaded until it is answered.
    pub(crate) model: Arc<Loaded>,
    pub(crate) input: ModelInput,
    /// The item's place in the queue, given back when a thread takes it.
    pub(crate) slot: Slots,
    /// Past this, the item is not run any more.
    pub(crate) deadline: Instant,
}

/// When an item ran.
#[derive(Clone, Copy)]
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

struct Job {
    work: Work,
    span: Span,
    reply: oneshot::Sender<RunResult>,
}

/// The inference threads. Dropping it lets them finish what they were given and ends them.
pub(crate) struct Pool {
    jobs: Sender<Job>,
}

impl Pool {
    /// Starts so many threads. The channel has room for every place that `admission` hands out.
    pub(crate) fn start(threads: usize, admission: &Admission, room: usize) -> io::Result<Self> {
        let (jobs, queue) = bounded(room);
        for number in 0..threads {
            let (queue, admission) = (queue.clone(), admission.clone());
            thread::Builder::new().name(format!("inference-{number}")).spawn(move || serve(&queue, &admission))?;
        }
        Ok(Self { jobs })
    }

    /// Queues one item; the receiver gets its outputs. Dropping the receiver cancels an item that still waits.
    pub(crate) fn submit(&self, work: Work) -> oneshot::Receiver<RunResult> {
        let (reply, result) = oneshot::channel();
        if let Err(refused) = self.jobs.try_send(Job { work, span: Span::current(), reply }) {
            // Only if every thread has ended: the channel has room for every place.
            let _ = refused.into_inner().reply.send(Err(RunError::Stopped));
        }
        result
    }
}

fn serve(queue: &Receiver<Job>, admission: &Admission) {
    while let Ok(Job { work: Work { model, input, slot, deadline }, span, reply }) = queue.recv() {
        drop(slot);
        if reply.is_closed() {
            continue;
        }
        let started = Instant::now();
        let result = if started >= deadline {
            Err(RunError::Expired)
        } else {
            let _entered = span.enter();
            model.run(&input).map_err(RunError::from)
        };
        let times = RunTimes { started, ended: Instant::now() };
        if result.is_ok() {
            admission.served(times.ended.duration_since(started).as_secs_f64());
        }
        // The client may have left meanwhile.
        let _ = reply.send(result.map(|outputs| (outputs, times)));
    }
}
