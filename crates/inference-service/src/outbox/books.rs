//! The books of the prediction log: recorded = delivered + spooled + dropped, in every scrape.
//!
//! They balance by construction: one lock covers the queue and its counts, and a scrape reads all of
//! them under that lock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::Bytes;
use monitoring::{Collector, Desc, LabelEnum as _, MetricFamily, MetricsError, MetricsRegistry, label_enum};
use prometheus::core::Describer as _;
use prometheus::{Gauge, IntCounter, IntCounterVec, Opts};

label_enum! {
    /// Why a record was given up.
    pub(crate) enum DropReason: "reason" {
        /// The outbox was full.
        Full = "full",
        /// The logging service refused the record itself.
        Rejected = "rejected",
        /// The service stopped before the record could be delivered.
        Shutdown = "shutdown",
    }
}

/// Records that may wait for delivery.
const MAX_RECORDS: usize = 100_000;
/// Bytes of records that may wait for delivery.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// One record on its way, as a line of NDJSON without the line's end.
struct Entry {
    line: Bytes,
    recorded: Instant,
}

/// The queue of records and what has become of all of them.
#[derive(Default)]
struct Ledger {
    waiting: VecDeque<Entry>,
    waiting_bytes: usize,
    recorded: u64,
    delivered: u64,
    dropped: [u64; DropReason::ALL.len()],
}

/// The shared ledger. The queue's policy: when it is full, the newest record is dropped and counted.
#[derive(Clone, Default)]
pub(super) struct Books(Arc<Mutex<Ledger>>);

/// How many records wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waiting {
    pub(crate) records: usize,
    pub(crate) oldest_seconds: f64,
}

impl Books {
    /// Takes a record in. False if the queue was full and the record is dropped.
    pub(super) fn record(&self, line: Bytes) -> bool {
        let mut ledger = self.lock();
        ledger.recorded += 1;
        if ledger.waiting.len() >= MAX_RECORDS || ledger.waiting_bytes + line.len() > MAX_BYTES {
            ledger.dropped[DropReason::Full.index()] += 1;
            return false;
        }
        ledger.waiting_bytes += line.len();
        ledger.waiting.push_back(Entry { line, recorded: Instant::now() });
        true
    }

    /// The oldest lines, at most `records` of them and about `bytes`; they stay until they are settled.
    pub(super) fn oldest(&self, records: usize, bytes: usize) -> Vec<Bytes> {
        let ledger = self.lock();
        let mut size = 0;
        let fits = |entry: &&Entry| {
            let first = size == 0;
            size += entry.line.len();
            first || size <= bytes
        };
        ledger.waiting.iter().take(records).take_while(fits).map(|entry| entry.line.clone()).collect()
    }

    /// The oldest `records` are delivered.
    pub(super) fn delivered(&self, records: usize) {
        let mut ledger = self.lock();
        ledger.delivered += ledger.remove_oldest(records);
    }

    /// The oldest `records` are given up.
    pub(super) fn dropped(&self, records: usize, reason: DropReason) {
        let mut ledger = self.lock();
        ledger.dropped[reason.index()] += ledger.remove_oldest(records);
    }

    pub(super) fn waiting(&self) -> Waiting {
        self.lock().waiting()
    }

    pub(super) fn register(&self, registry: &MetricsRegistry) -> Result<(), MetricsError> {
        registry.collector(BooksCollector { books: self.clone(), descs: descs() })
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // No code panics while it holds the lock halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn remove_oldest(&mut self, records: usize) -> u64 {
        let records = records.min(self.waiting.len());
        self.waiting_bytes -= self.waiting.drain(..records).map(|entry| entry.line.len()).sum::<usize>();
        records as u64
    }

    fn waiting(&self) -> Waiting {
        let oldest_seconds = self.waiting.front().map_or(0.0, |entry| entry.recorded.elapsed().as_secs_f64());
        Waiting { records: self.waiting.len(), oldest_seconds }
    }
}

const RECORDED: (&str, &str) = ("prediction_log_recorded_total", "Records taken in for the prediction log.");
const DELIVERED: (&str, &str) =
    ("prediction_log_delivered_total", "Records that the logging service has acknowledged as stored.");
const DROPPED: (&str, &str) = ("prediction_log_dropped_total", "Records given up, by reason.");
const RECORDS: (&str, &str) = ("prediction_log_spooled_records", "Records that wait for delivery.");
const BYTES: (&str, &str) = ("prediction_log_spooled_bytes", "Bytes of the records that wait for delivery.");
const OLDEST: (&str, &str) = ("prediction_log_oldest_seconds", "Age of the oldest record that waits for delivery.");

fn descs() -> Vec<Desc> {
    let plain = [RECORDED, DELIVERED, RECORDS, BYTES, OLDEST].map(|(name, help)| Opts::new(name, help).describe());
    let dropped = Opts::new(DROPPED.0, DROPPED.1).variable_label(DropReason::NAME).describe();
    plain.into_iter().chain([dropped]).flatten().collect()
}

/// Exposes all of the books from one look at them.
struct BooksCollector {
    books: Books,
    descs: Vec<Desc>,
}

impl Collector for BooksCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let ledger = self.books.lock();
        let counters = [(RECORDED, ledger.recorded), (DELIVERED, ledger.delivered)];
        let gauges = [
            (RECORDS, ledger.waiting.len() as f64),
            (BYTES, ledger.waiting_bytes as f64),
            (OLDEST, ledger.waiting().oldest_seconds),
        ];
        let dropped = ledger.dropped;
        drop(ledger);
        // The names are constants that `desc` has accepted, so nothing is lost by leaving errors out.
        let counters = counters.into_iter().filter_map(|((name, help), value)| {
            let counter = IntCounter::new(name, help).ok()?;
            counter.inc_by(value);
            Some(counter.collect())
        });
        let gauges = gauges.into_iter().filter_map(|((name, help), value)| {
            let gauge = Gauge::new(name, help).ok()?;
            gauge.set(value);
            Some(gauge.collect())
        });
        let by_reason = IntCounterVec::new(Opts::new(DROPPED.0, DROPPED.1), &[DropReason::NAME]).ok().map(|vec| {
            for (reason, value) in DropReason::ALL.iter().zip(dropped) {
                vec.with_label_values(&[reason.as_str()]).inc_by(value);
            }
            vec.collect()
        });
        counters.chain(gauges).chain(by_reason).flatten().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use monitoring::Exposition;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Record(usize),
        Deliver(usize),
        Drop(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_usize..1000).prop_map(Step::Record),
            (0_usize..20).prop_map(Step::Deliver),
            (0_usize..20).prop_map(Step::Drop),
        ]
    }

    proptest! {
        #[test]
        fn the_books_balance_after_every_step(steps in prop::collection::vec(step(), 0..100)) {
            let books = Books::default();
            let registry = MetricsRegistry::new("test", "1").unwrap();
            books.register(&registry).unwrap();
            for step in steps {
                match step {
                    Step::Record(size) => { books.record(vec![b'x'; size].into()); }
                    Step::Deliver(records) => books.delivered(records),
                    Step::Drop(records) => books.dropped(records, DropReason::Rejected),
                }
                let text = registry.render(Exposition::Classic);
                let sum = |prefix: &str| -> f64 {
                    text.lines().filter(|l| l.starts_with(prefix)).filter_map(|l| l.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
                };
                prop_assert_eq!(
                    sum("prediction_log_recorded_total"),
                    sum("prediction_log_delivered_total") + sum("prediction_log_spooled_records") + sum("prediction_log_dropped_total{")
                );
            }
        }
    }

    #[test]
    fn a_full_queue_drops_the_newest_and_says_so() {
        let books = Books::default();
        let half = Bytes::from(vec![b'x'; MAX_BYTES / 2]);
        assert!(books.record(half.clone()));
        assert!(books.record(half.clone()));
        assert!(!books.record(Bytes::from_static(b"one more")));
        assert_eq!(books.waiting().records, 2);
        books.delivered(1);
        assert!(books.record(Bytes::from_static(b"one more")));
    }

    #[test]
    fn a_batch_is_bounded_in_records_and_bytes_but_never_empty() {
        let books = Books::default();
        for _ in 0..5 {
            books.record(Bytes::from_static(b"0123456789"));
        }
        assert_eq!(books.oldest(3, 1000).len(), 3);
        assert_eq!(books.oldest(5, 25).len(), 2);
        assert_eq!(books.oldest(5, 1).len(), 1);
    }
}
