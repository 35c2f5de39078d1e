//! What is counted of the connections of a service's ports.

use std::sync::Arc;

use crate::metrics::{
    Counter, Each, Family, Gauge, LabelEnum as _, LabelSet, Member, MetricsError, MetricsRegistry, each,
};

crate::label_enum! {
    /// What a connection does.
    pub(super) enum ConnectionState: "state" {
        /// It has not sent a request yet.
        New = "new",
        /// It has no request under way.
        Idle = "idle",
        /// It has requests under way.
        Busy = "busy",
        /// It has a place of those that are kept for probes.
        Reserved = "reserved",
        /// It gave its place to another, and may finish what it has under way.
        Leaving = "leaving",
    }
}

crate::label_enum! {
    /// Why a connection got no ordinary place.
    pub(super) enum RefusedReason: "reason" {
        /// All places are taken, and all by connections with requests under way.
        Full = "full",
        /// The client's address has as many as one address may have.
        Address = "address",
        /// All places are taken, also those for probes, and too many connections have yet to end that gave theirs up.
        Leaving = "leaving",
    }
}

crate::label_enum! {
    /// Why the service closed a connection.
    pub(super) enum ClosedReason: "reason" {
        /// It was idle, and another one needed its place.
        MadeRoom = "made_room",
        /// It sent a body too slowly, and another one needed its place.
        SlowBody = "slow_body",
        /// It sent no request for too long.
        Idle = "idle",
        /// Its handshake or its preface was not finished in time.
        Handshake = "handshake",
        /// The head of its request was not finished in time.
        Head = "head",
        /// Its client did not read an answer.
        Unread = "unread",
        /// Its client gave up one request after the other.
        GivenUp = "given_up",
        /// Its time in a place that is kept for probes was over.
        Reserved = "reserved",
        /// The service stops.
        Stop = "stop",
    }
}

/// Most ports of a service.
const MAX_PORTS: usize = 8;

/// The metrics of all ports of a service.
pub(super) struct ConnectionMetrics {
    ports: LabelSet,
    open: Family<Gauge, (LabelSet, Each<ConnectionState>)>,
    limit: Family<Gauge, LabelSet>,
    refused: Family<Counter, (LabelSet, Each<RefusedReason>)>,
    closed: Family<Counter, (LabelSet, Each<ClosedReason>)>,
    accept_failures: Family<Counter, LabelSet>,
    requests_refused: Family<Counter, LabelSet>,
}

impl ConnectionMetrics {
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let ports = LabelSet::new(&["port"], MAX_PORTS);
        Ok(Self {
            open: registry.gauges(
                "connections_open",
                "Connections of a port that are open, by what they do.",
                (ports.clone(), each()),
            )?,
            limit: registry.gauges(
                "connections_limit",
                "Most connections of a port at a time, without those that are kept for probes.",
                ports.clone(),
            )?,
            refused: registry.counters(
                "connections_refused_total",
                "Connections that got no place, and were answered one probe at most.",
                (ports.clone(), each()),
            )?,
            closed: registry.counters(
                "connections_closed_total",
                "Connections that the service closed, by the reason.",
                (ports.clone(), each()),
            )?,
            accept_failures: registry.counters(
                "connection_accept_failures_total",
                "Attempts to accept a connection that the system refused.",
                ports.clone(),
            )?,
            requests_refused: registry.counters(
                "connection_requests_refused_total",
                "Requests over HTTP/2 that were refused, because their connection had its share of those under way.",
                ports.clone(),
            )?,
            ports,
        })
    }
}

/// The metrics of one port; of a service without a registry there are none.
#[derive(Clone, Default)]
pub(super) struct PortMetrics(Option<(Arc<ConnectionMetrics>, Member)>);

impl PortMetrics {
    pub(super) fn new(metrics: Option<&Arc<ConnectionMetrics>>, port: &str, limit: usize) -> Self {
        let found = metrics.and_then(|metrics| Some((metrics.clone(), metrics.ports.admit(&[port]).ok()?)));
        if let Some((metrics, port)) = &found {
            metrics.limit.with(*port).set(limit as f64);
            metrics.accept_failures.with(*port);
            metrics.requests_refused.with(*port);
            for &state in ConnectionState::ALL {
                metrics.open.with((*port, state));
            }
            for &reason in RefusedReason::ALL {
                metrics.refused.with((*port, reason));
            }
            for &reason in ClosedReason::ALL {
                metrics.closed.with((*port, reason));
            }
        }
        Self(found)
    }

    pub(super) fn open(&self, state: ConnectionState, connections: usize) {
        if let Some((metrics, port)) = &self.0 {
            metrics.open.with((*port, state)).set(connections as f64);
        }
    }

    pub(super) fn refused(&self, reason: RefusedReason) {
        if let Some((metrics, port)) = &self.0 {
            metrics.refused.with((*port, reason)).inc();
        }
    }

    pub(super) fn closed(&self, reason: ClosedReason) {
        if let Some((metrics, port)) = &self.0 {
            metrics.closed.with((*port, reason)).inc();
        }
    }

    pub(super) fn request_refused(&self) {
        if let Some((metrics, port)) = &self.0 {
            metrics.requests_refused.with(*port).inc();
        }
    }

    pub(super) fn accept_failed(&self) {
        if let Some((metrics, port)) = &self.0 {
            metrics.accept_failures.with(*port).inc();
        }
    }
}
