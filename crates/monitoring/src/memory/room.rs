//! The room itself.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::hold::Hold;
use super::kind::HeldKind;
use super::parts::RoomParts;
use crate::metrics::{MetricsError, MetricsRegistry};

/// How long who finds no room waits before it is refused.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The memory for everything that clients can make a service hold. Clones share it.
#[derive(Clone)]
pub struct MemoryRoom(Arc<RoomParts>);

impl MemoryRoom {
    /// A room of so many bytes.
    ///
    /// # Errors
    /// [`MetricsError`] if the registry has one already.
    pub fn register(bytes: u64, registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        RoomParts::register(bytes, PATIENCE, registry).map(Arc::new).map(Self)
    }

    /// A room in which nobody waits for long.
    #[cfg(test)]
    pub(super) fn impatient(bytes: u64, registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        RoomParts::register(bytes, Duration::from_millis(5), registry).map(Arc::new).map(Self)
    }

    /// Holds nothing yet. What it will hold is the service's own to finish, such as a body that is being worked on.
    #[must_use]
    pub fn hold(&self, kind: HeldKind) -> Hold {
        Hold::new(self.0.clone(), kind, None)
    }

    /// Holds nothing yet. Its bytes come from a client or go to one: while others find no room and this client is slow,
    /// `ended` is cancelled, and whoever moves the bytes has to drop the hold.
    #[must_use]
    pub fn moving_hold(&self, kind: HeldKind, ended: CancellationToken) -> Hold {
        Hold::new(self.0.clone(), kind, Some(ended))
    }

    /// Most bytes that one hold can have.
    #[must_use]
    pub fn largest_hold(&self) -> usize {
        self.0.largest_hold()
    }
}
