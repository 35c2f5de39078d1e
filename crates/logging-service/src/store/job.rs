//! A closure as a job of the writer.
//!
//! Rule of thumb: what it computes leaves the thread only after the commit.

use tokio::sync::oneshot;

use super::StoreError;
use super::engine::Transaction;
use super::queue::Job;
use super::session::DatabaseError;

/// A job, and where its result arrives.
pub(super) fn job<T, W>(weight: usize, work: W) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    W: FnMut(&mut dyn Transaction) -> Result<T, DatabaseError> + Send + 'static,
{
    let (answer, outcome) = oneshot::channel();
    (Box::new(Closure { weight, work, result: None, answer }), outcome)
}

struct Closure<T, W> {
    weight: usize,
    work: W,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Closure<T, W>
where
    T: Send + 'static,
    W: FnMut(&mut dyn Transaction) -> Result<T, DatabaseError> + Send + 'static,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), DatabaseError> {
        self.result = Some((self.work)(transaction)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let stopped = || StoreError::Unavailable("the writer did not get to it".to_owned());
        let Self { result, answer, .. } = *self;
        // Whoever stopped waiting is no concern.
        let _ = answer.send(outcome.and_then(|()| result.ok_or_else(stopped)));
    }
}
