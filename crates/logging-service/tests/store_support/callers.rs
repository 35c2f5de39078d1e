//! Callers that go on through whatever happens to the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{StartedStore, id, records, submit_until_accepted};

/// Four callers, each with batches of another size, which send again what was not accepted.
pub(crate) struct Callers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<Uuid>>>,
}

impl Callers {
    pub(crate) fn start(started: &StartedStore) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for caller in 1..=4usize {
            let (store, witness, stop) = (Arc::clone(&started.store), Arc::clone(&started.witness), Arc::clone(&stop));
            tasks.push(tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let rows = records(caller * 5);
                    submit_until_accepted(&store, &witness, &rows).await;
                    acknowledged.extend(rows.iter().map(id));
                }
                acknowledged
            }));
        }
        Self { stop, tasks }
    }

    /// Lets each finish the batch it is at; gives what was acknowledged.
    pub(crate) async fn stop(self) -> Vec<Uuid> {
        self.stop.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for task in self.tasks {
            acknowledged.extend(task.await.unwrap());
        }
        acknowledged
    }
}
