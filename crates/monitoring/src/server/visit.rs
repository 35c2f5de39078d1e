//! One connection as the port sees it: what it does now, since when, and why it has to go.
//!
//! Rule of thumb: whoever serves the connection writes down what happens; whoever looks after the port reads it and tells
//! the connection to end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::address::ClientNetwork;
use super::deadlines::ConnectionDeadlines;
use super::framing::{BodyFraming, HeadReader};
use super::metrics::{ClosedReason, ConnectionState};
use crate::tls::Protocol;

/// What kind of place a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// One of the port's places, for as many requests as it likes.
    Ordinary,
    /// One of the places that are kept for probes, for one request.
    Reserved,
}

/// A connection that is being accepted.
pub(super) struct Arrival {
    pub(super) id: u64,
    pub(super) client: IpAddr,
    pub(super) protocol: Protocol,
    pub(super) place: Place,
}

/// The state of one connection.
pub(super) struct Visit {
    pub(super) id: u64,
    pub(super) network: ClientNetwork,
    pub(super) place: Place,
    protocol: Protocol,
    arrived: Instant,
    is_greeted: AtomicBool,
    has_asked: AtomicBool,
    /// Requests under way.
    requests: AtomicU32,
    /// The part of them that only waits for news, maybe for hours.
    watches: AtomicU32,
    /// Milliseconds after the arrival at which the last request ended.
    idle_since: AtomicU64,
    /// Requests that wait for bytes of their bodies.
    waiting_bodies: AtomicU32,
    /// Milliseconds after the arrival until which bodies may keep the connection waiting.
    bodies_due: AtomicU64,
    /// Milliseconds after the arrival at which the head began that is being read; 0: none is.
    head_since: AtomicU64,
    /// Requests that their client gave up, less those that were answered.
    given_up: AtomicU32,
    /// When each answer handed out a part that has not been taken yet.
    untaken: Mutex<HashMap<u64, Instant>>,
    answers: AtomicU64,
    /// Over HTTP/1.
    head: HeadReader,
    end: OnceLock<ClosedReason>,
    ending: Notify,
}

/// Requests that one connection may give up in a row before it is closed.
const MOST_GIVEN_UP: u32 = 500;

/// Milliseconds that bodies may keep a connection waiting before it may have to make way.
const BODY_GRACE: u64 = 5_000;
/// Bytes that buy another millisecond, so that a byte at a time buys none.
const BODY_BYTES_A_MILLISECOND: u64 = 8;

impl Visit {
    pub(super) fn new(arrival: Arrival) -> Self {
        let Arrival { id, client, protocol, place } = arrival;
        Self {
            id,
            network: client.into(),
            place,
            protocol,
            arrived: Instant::now(),
            is_greeted: AtomicBool::new(false),
            has_asked: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            watches: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            waiting_bodies: AtomicU32::new(0),
            bodies_due: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            given_up: AtomicU32::new(0),
            untaken: Mutex::default(),
            answers: AtomicU64::new(0),
            head: HeadReader::default(),
            end: OnceLock::new(),
            ending: Notify::new(),
        }
    }

    /// The handshake and the first bytes are over.
    pub(super) fn greeted(&self) {
        self.is_greeted.store(true, Ordering::Relaxed);
    }

    /// These bytes have come.
    pub(super) fn heard(&self, bytes: &[u8]) {
        if self.protocol == Protocol::Http2 {
            return;
        }
        let is_new = self.requests.load(Ordering::Relaxed) == 0;
        self.head.read(bytes, is_new);
        if is_new {
            let _ = self.head_since.compare_exchange(0, self.age_millis(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// How the head that was read last says how long its body is.
    pub(super) fn framing(&self) -> BodyFraming {
        self.head.framing()
    }

    /// A request begins; it ends when what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>, is_watch: bool) -> RequestUnderWay {
        self.head_since.store(0, Ordering::Relaxed);
        self.has_asked.store(true, Ordering::Relaxed);
        if self.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            self.bodies_due.store(self.age_millis() + BODY_GRACE, Ordering::Relaxed);
        }
        self.watches.fetch_add(u32::from(is_watch), Ordering::Relaxed);
        RequestUnderWay {
            visit: self.clone(),
            is_watch,
            is_answered: false,
            number: self.answers.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// A body begins or ends to wait for its client.
    pub(super) fn body_waits(&self, is_waiting: bool) {
        if is_waiting {
            self.waiting_bodies.fetch_add(1, Ordering::Relaxed);
        } else {
            self.waiting_bodies.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// So many bytes of a body have come, and buy time for more.
    pub(super) fn body_came(&self, bytes: usize) {
        let most = self.age_millis() + BODY_GRACE;
        let due = self.bodies_due.load(Ordering::Relaxed);
        self.bodies_due.store(due.saturating_add(bytes as u64 / BODY_BYTES_A_MILLISECOND).min(most), Ordering::Relaxed);
    }

    /// Since when all its requests do nothing but wait for bodies that come too slowly, if they do.
    pub(super) fn slow_since(&self) -> Option<Instant> {
        let busy = self.requests.load(Ordering::Relaxed).saturating_sub(self.watches.load(Ordering::Relaxed));
        let due = self.bodies_due.load(Ordering::Relaxed);
        let is_slow = busy > 0 && self.waiting_bodies.load(Ordering::Relaxed) >= busy && due < self.age_millis();
        is_slow.then(|| self.arrived + Duration::from_millis(due))
    }

    /// Whether the connection can be closed without anybody missing an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) <= self.watches.load(Ordering::Relaxed)
    }

    /// Since when it is idle, if it is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.is_idle().then(|| self.arrived + Duration::from_millis(self.idle_since.load(Ordering::Relaxed)))
    }

    pub(super) fn arrived(&self) -> Instant {
        self.arrived
    }

    pub(super) fn state(&self) -> ConnectionState {
        match (self.place, self.is_idle(), self.has_asked.load(Ordering::Relaxed)) {
            (Place::Reserved, ..) => ConnectionState::Reserved,
            (_, false, _) => ConnectionState::Busy,
            (_, true, true) => ConnectionState::Idle,
            (_, true, false) => ConnectionState::New,
        }
    }

    /// Why its time is over, if it is.
    pub(super) fn overdue(&self, deadlines: &ConnectionDeadlines) -> Option<ClosedReason> {
        let age = self.arrived.elapsed();
        let requests = self.requests.load(Ordering::Relaxed);
        if self.place == Place::Reserved {
            let most = if requests == 0 { deadlines.reserved_head } else { deadlines.reserved };
            return (age > most).then_some(ClosedReason::Reserved);
        }
        if self.given_up.load(Ordering::Relaxed) > MOST_GIVEN_UP {
            return Some(ClosedReason::GivenUp);
        }
        if requests > 0 {
            return self.is_unread(deadlines.unread).then_some(ClosedReason::Unread);
        }
        if self.protocol == Protocol::Http2 && !self.is_greeted.load(Ordering::Relaxed) && age > deadlines.preface {
            return Some(ClosedReason::Handshake);
        }
        let head_since = self.head_since.load(Ordering::Relaxed);
        if head_since > 0 && age.saturating_sub(Duration::from_millis(head_since)) > deadlines.head {
            return Some(ClosedReason::Head);
        }
        let most = match self.protocol {
            Protocol::Http1 => deadlines.idle,
            Protocol::Http2 => deadlines.idle_http2,
        };
        let idle = age.saturating_sub(Duration::from_millis(self.idle_since.load(Ordering::Relaxed)));
        (idle > most).then_some(ClosedReason::Idle)
    }

    /// Tells the connection to end. Returns whether this is the first time.
    pub(super) fn end(&self, reason: ClosedReason) -> bool {
        let is_first = self.end.set(reason).is_ok();
        self.ending.notify_one();
        is_first
    }

    /// Whether it was told to end.
    #[cfg(test)]
    pub(super) fn ending_is_set(&self) -> bool {
        self.end.get().is_some()
    }

    /// Completes when the connection has to end.
    pub(super) async fn ending(&self) -> ClosedReason {
        loop {
            if let Some(reason) = self.end.get() {
                return *reason;
            }
            self.ending.notified().await;
        }
    }

    fn is_unread(&self, patience: Duration) -> bool {
        self.untaken.lock().unwrap_or_else(PoisonError::into_inner).values().any(|since| since.elapsed() > patience)
    }

    fn age_millis(&self) -> u64 {
        u64::try_from(self.arrived.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

/// A request until its answer is sent or given up.
pub(super) struct RequestUnderWay {
    visit: Arc<Visit>,
    is_watch: bool,
    is_answered: bool,
    number: u64,
}

impl RequestUnderWay {
    /// The answer has begun.
    pub(super) fn answered(&mut self) {
        self.is_answered = true;
    }

    /// A part of the answer is handed out.
    pub(super) fn handed_out(&self) {
        // Over HTTP/1 the stream itself tells whether the client reads.
        if self.visit.protocol == Protocol::Http2 {
            self.untaken().insert(self.number, Instant::now());
        }
    }

    /// The last part was taken: the next is asked for.
    pub(super) fn taken(&self) {
        if self.visit.protocol == Protocol::Http2 {
            self.untaken().remove(&self.number);
        }
    }

    fn untaken(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Instant>> {
        self.visit.untaken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestUnderWay {
    fn drop(&mut self) {
        self.taken();
        let visit = &self.visit;
        let change = |given_up: u32| {
            Some(if self.is_answered { given_up.saturating_sub(1) } else { given_up.saturating_add(1) })
        };
        let _ = visit.given_up.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        visit.idle_since.store(visit.age_millis(), Ordering::Relaxed);
        visit.watches.fetch_sub(u32::from(self.is_watch), Ordering::Relaxed);
        visit.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
