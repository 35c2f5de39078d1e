//! What the room tells of itself.

use prometheus::{IntCounter, IntGauge};

use super::kind::HeldKind;
use crate::metrics::{Each, Family, MetricsError, MetricsRegistry, each};

/// The metrics of a room.
pub(super) struct RoomMetrics {
    held: Family<prometheus::Gauge, Each<HeldKind>>,
    refusals: Family<IntCounter, Each<HeldKind>>,
    evictions: Family<IntCounter, Each<HeldKind>>,
    size: IntGauge,
}

impl RoomMetrics {
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        Ok(Self {
            held: registry.gauges("memory_held_bytes", "Bytes held of clients now, by what they are.", each())?,
            refusals: registry.counters(
                "memory_refusals_total",
                "Bodies, messages, exports and answers that found no room in memory.",
                each(),
            )?,
            evictions: registry.counters(
                "memory_evictions_total",
                "Bodies, messages, exports and answers that were ended because their clients were slow while others found no \
                 room in memory.",
                each(),
            )?,
            size: registry.gauge("memory_room_bytes", "Bytes that clients can make the service hold in all.")?,
        })
    }

    pub(super) fn set_size(&self, bytes: u64) {
        self.size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn taken(&self, kind: HeldKind, bytes: usize) {
        self.held.with(kind).add(bytes as f64);
    }

    pub(super) fn given_back(&self, kind: HeldKind, bytes: usize) {
        self.held.with(kind).sub(bytes as f64);
    }

    pub(super) fn refused(&self, kind: HeldKind) {
        self.refusals.with(kind).inc();
    }

    pub(super) fn evicted(&self, kind: HeldKind) {
        self.evictions.with(kind).inc();
    }
}
