//! How long a command tries again.

use std::time::{Duration, Instant};

use anyhow::bail;
use monitoring::Backoff;
use terminal::warn;
use tokio::time::sleep;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// How long the other side may be away before a command gives up.
const PATIENCE: Duration = Duration::from_secs(300);

/// The attempts at one thing.
pub(super) struct Patience {
    begun: Instant,
    backoff: Backoff,
}

impl Patience {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), backoff: Backoff::new(FIRST_DELAY, LONGEST_DELAY) }
    }

    /// Waits before another attempt at `whom`.
    ///
    /// # Errors
    /// It has been tried for too long.
    pub(super) async fn rest(&mut self, whom: &str, problem: &str) -> anyhow::Result<()> {
        if self.begun.elapsed() > PATIENCE {
            bail!("{whom} was away for {} s: {problem}; run the same command again later", PATIENCE.as_secs());
        }
        if !self.backoff.is_failing() {
            warn(format_args!("{whom}: {problem}; trying again"));
        }
        sleep(self.backoff.next_delay()).await;
        Ok(())
    }
}
