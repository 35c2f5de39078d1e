//! One connection as the port sees it: what it does now, since when, and why it has to go.
//!
//! Rule of thumb: whoever serves the connection writes down what happens; whoever looks after the port reads it and tells
//! the connection to end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::address::ClientNetwork;
use super::body_time::BodyTime;
use super::crowd::RequestCrowd;
use super::deadlines::ConnectionDeadlines;
use super::end_order::EndOrder;
use super::framing::HeadReader;
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
    /// The requests of the port.
    pub(super) crowd: Arc<RequestCrowd>,
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
    bodies: BodyTime,
    /// Milliseconds after the arrival at which the head began that is being read; 0: none is.
    head_since: AtomicU64,
    /// Requests that their client gave up, less those that were answered.
    given_up: AtomicU32,
    /// When each answer handed out a part that has not been taken yet.
    untaken: Mutex<HashMap<u64, Instant>>,
    answers: AtomicU64,
    /// Over HTTP/1.
    heads: HeadReader,
    end: EndOrder,
    crowd: Arc<RequestCrowd>,
}

/// Requests that one connection may give up in a row before it is closed.
const MOST_GIVEN_UP: u32 = 500;

impl Visit {
    pub(super) fn new(arrival: Arrival) -> Self {
        let Arrival { id, client, protocol, place, crowd } = arrival;
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
            bodies: BodyTime::new(),
            head_since: AtomicU64::new(0),
            given_up: AtomicU32::new(0),
            untaken: Mutex::default(),
            answers: AtomicU64::new(0),
            heads: HeadReader::default(),
            end: EndOrder::default(),
            crowd,
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
        self.heads.read(bytes);
        if self.requests.load(Ordering::Relaxed) == 0 {
            let _ = self.head_since.compare_exchange(0, self.age_millis(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The heads that have come over HTTP/1.
    pub(super) fn heads(&self) -> &HeadReader {
        &self.heads
    }

    /// How many requests have begun.
    pub(super) fn asked(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// The order to end.
    pub(super) fn end(&self) -> &EndOrder {
        &self.end
    }

    /// The bodies of its requests.
    pub(super) fn bodies(&self) -> &BodyTime {
        &self.bodies
    }

    /// Whether another request may begin, beside those that the port has under way.
    pub(super) fn may_begin(&self) -> bool {
        self.protocol == Protocol::Http1 || self.crowd.may_begin(self.requests.load(Ordering::Relaxed))
    }

    /// A request begins; it ends when what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>, is_watch: bool) -> RequestUnderWay {
        self.head_since.store(0, Ordering::Relaxed);
        self.has_asked.store(true, Ordering::Relaxed);
        if self.protocol == Protocol::Http2 {
            self.crowd.begin();
        }
        if self.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            self.bodies.begin();
        }
        self.watches.fetch_add(u32::from(is_watch), Ordering::Relaxed);
        RequestUnderWay {
            visit: self.clone(),
            is_watch,
            is_answered: false,
            number: self.answers.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Since when all its requests do nothing but wait for bodies that come too slowly, if they do.
    pub(super) fn slow_since(&self) -> Option<Instant> {
        self.bodies.slow_since(self.busy())
    }

    /// Whether the connection can be closed without anybody missing an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.busy() == 0
    }

    /// Requests under way that somebody works on.
    fn busy(&self) -> u32 {
        self.requests.load(Ordering::Relaxed).saturating_sub(self.watches.load(Ordering::Relaxed))
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
            let is_too_many = self.protocol == Protocol::Http2 && self.crowd.is_too_many(requests);
            let patience = if is_too_many { deadlines.unread_in_a_crowd } else { deadlines.unread };
            if self.is_unread(patience) {
                return Some(ClosedReason::Unread);
            }
            return (is_too_many && self.slow_since().is_some()).then_some(ClosedReason::SlowBody);
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

    /// Whether it was told to end, and has had the time for its last words, and for an answer that was under way.
    pub(super) fn is_past_last_words(&self, deadlines: &ConnectionDeadlines) -> bool {
        let Some((reason, told)) = self.end.given() else { return false };
        if self.is_idle() {
            return told.elapsed() > deadlines.last_words;
        }
        // The end of the service has a patience of its own.
        reason != ClosedReason::Stop && (told.elapsed() > deadlines.last_answer || self.slow_since().is_some())
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
    /// The answer has begun. A client without a window for it does not even take its first part.
    pub(super) fn answered(&mut self) {
        self.is_answered = true;
        self.handed_out();
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
        if visit.protocol == Protocol::Http2 {
            visit.crowd.end();
        }
        let change = |given_up: u32| {
            Some(if self.is_answered { given_up.saturating_sub(1) } else { given_up.saturating_add(1) })
        };
        let _ = visit.given_up.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        visit.idle_since.store(visit.age_millis(), Ordering::Relaxed);
        visit.watches.fetch_sub(u32::from(self.is_watch), Ordering::Relaxed);
        visit.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
