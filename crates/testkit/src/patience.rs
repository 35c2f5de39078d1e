//! Waiting for what is to happen, and for one's turn.

use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again until `condition` holds.
///
/// # Panics
/// If it does not hold within `patience`; `what` then says what did not happen.
pub async fn wait_until(what: &str, patience: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < patience, "{what}: did not happen within {patience:?}");
        sleep(LOOK_EVERY).await;
    }
}

/// Keeps the other tests of the same file waiting until the guard is dropped: all of them want both cores.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    ONE_AT_A_TIME.lock().await
}
