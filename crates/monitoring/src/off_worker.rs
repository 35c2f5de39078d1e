//! Work that takes long, on a thread that is there for tasks.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Does work that takes more than a millisecond or so, such as parsing a large body, while another thread goes on with the tasks of
/// this one. The task itself waits, so what it may cost has to have a bound.
pub fn off_worker<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        // There is no other thread that could go on, as in some tests.
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn other_tasks_go_on_meanwhile() {
        let (other, done) = mpsc::channel();
        let working = tokio::spawn(async move {
            tokio::spawn(async move { other.send(()) });
            off_worker(|| done.recv_timeout(Duration::from_secs(60)))
        });
        assert_eq!(working.await.ok(), Some(Ok(())));
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_works_in_place() {
        assert_eq!(off_worker(|| 7), 7);
    }
}
