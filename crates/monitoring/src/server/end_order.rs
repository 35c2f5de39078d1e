//! The order to end, which a connection gets from whoever looks after the port.
//!
//! Rule of thumb: a connection may say its last words, for a request may have come just before. How long it may is decided
//! by whoever gave the order, who then cuts it short.

use std::sync::OnceLock;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::metrics::ClosedReason;

/// Whether a connection has to end, why, and how soon.
#[derive(Default)]
pub(super) struct EndOrder {
    first: OnceLock<(ClosedReason, Instant)>,
    told: CancellationToken,
    cut: CancellationToken,
}

impl EndOrder {
    /// Orders the end. Returns whether this is the first order.
    pub(super) fn give(&self, reason: ClosedReason) -> bool {
        let is_first = self.first.set((reason, Instant::now())).is_ok();
        self.told.cancel();
        if !reason.leaves_last_words() {
            self.cut();
        }
        is_first
    }

    /// Ends it at once.
    pub(super) fn cut(&self) {
        self.told.cancel();
        self.cut.cancel();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// The first order, and when it was given.
    pub(super) fn given(&self) -> Option<(ClosedReason, Instant)> {
        self.first.get().copied()
    }

    /// Completes when the connection has to end what it has under way.
    pub(super) async fn told(&self) {
        self.told.cancelled().await;
    }

    /// Completes when the connection has to end at once.
    pub(super) async fn cut_short(&self) {
        self.cut.cancelled().await;
    }
}

impl ClosedReason {
    /// Whether a connection that ends for this reason may finish what it has under way.
    fn leaves_last_words(self) -> bool {
        matches!(self, Self::MadeRoom | Self::Idle | Self::Stop)
    }
}
