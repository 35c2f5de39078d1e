//! The books as metrics, all from one look at them.

use monitoring::{Collector, Desc, LabelEnum as _, MetricFamily, MetricsError, MetricsRegistry};
use prometheus::core::Describer as _;
use prometheus::{Gauge, IntCounter, IntCounterVec, Opts};

use super::books::{Books, DropReason, Ledger};

/// A name and its help.
type Named = (&'static str, &'static str);
/// How a value is read from the books.
type Read<V> = fn(&Ledger) -> V;

const COUNTERS: [(Named, Read<u64>); 5] = [
    (
        (
            "prediction_log_recorded_total",
            "Records taken in for the prediction log, those recovered from the spool too.",
        ),
        |ledger| ledger.recorded,
    ),
    (("prediction_log_recovered_total", "Records found in the spool at the start."), |ledger| ledger.recovered),
    (("prediction_log_delivered_total", "Records that the logging service has acknowledged as stored."), |ledger| {
        ledger.delivered
    }),
    (("prediction_log_spool_errors_total", "Writes to the spool that failed."), |ledger| ledger.spool_errors),
    (("prediction_log_quarantined_total", "Spool files that were found corrupt and set aside."), |ledger| {
        ledger.quarantined
    }),
];

const GAUGES: [(Named, Read<f64>); 4] = [
    (("prediction_log_spooled_records", "Records that wait for delivery."), |ledger| ledger.spooled.records as f64),
    (("prediction_log_spooled_bytes", "Bytes of the records that wait for delivery."), |ledger| {
        ledger.spooled.bytes as f64
    }),
    (("prediction_log_oldest_seconds", "Age of the oldest record that waits for delivery."), Ledger::oldest_seconds),
    (
        (
            "prediction_log_spool_available",
            "1 if records are kept as asked, 0 while the disk cannot be written and they wait in memory.",
        ),
        |ledger| f64::from(u8::from(!ledger.unavailable)),
    ),
];

const DROPPED: Named = ("prediction_log_dropped_total", "Records given up, by reason.");
const LIMIT_RECORDS: Named = ("prediction_log_limit_records", "Records that may wait.");
const LIMIT_BYTES: Named = ("prediction_log_limit_bytes", "Bytes of records that may wait.");

/// Exposes the books.
///
/// # Errors
/// If their names are taken.
pub(super) fn register(books: &Books, registry: &MetricsRegistry) -> Result<(), MetricsError> {
    registry.collector(BooksCollector { books: books.clone(), descs: descs() })
}

fn descs() -> Vec<Desc> {
    let counters = COUNTERS.iter().map(|(named, _)| named);
    let gauges = GAUGES.iter().map(|(named, _)| named).chain([&LIMIT_RECORDS, &LIMIT_BYTES]);
    let plain = counters.chain(gauges).map(|(name, help)| Opts::new(*name, *help).describe());
    let dropped = Opts::new(DROPPED.0, DROPPED.1).variable_label(DropReason::NAME).describe();
    plain.chain([dropped]).flatten().collect()
}

struct BooksCollector {
    books: Books,
    descs: Vec<Desc>,
}

impl Collector for BooksCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (ledger, bound) = (self.books.read(), self.books.bound());
        // The names are constants that `desc` has accepted, so nothing is lost by leaving errors out.
        let counters = COUNTERS.iter().filter_map(|((name, help), value)| {
            let counter = IntCounter::new(*name, *help).ok()?;
            counter.inc_by(value(&ledger));
            Some(counter.collect())
        });
        let limits = [(&LIMIT_RECORDS, bound.records as f64), (&LIMIT_BYTES, bound.bytes as f64)];
        let gauges = GAUGES.iter().map(|(named, value)| (named, value(&ledger))).chain(limits);
        let gauges = gauges.filter_map(|((name, help), value)| {
            let gauge = Gauge::new(*name, *help).ok()?;
            gauge.set(value);
            Some(gauge.collect())
        });
        let by_reason = IntCounterVec::new(Opts::new(DROPPED.0, DROPPED.1), &[DropReason::NAME]).ok().map(|vec| {
            for (reason, value) in DropReason::ALL.iter().zip(ledger.dropped) {
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

    use super::super::line::{Amount, RecordLine};
    use super::super::record_options::{RecordBound, WhenFull};
    use super::*;

    fn books(when_full: WhenFull) -> Books {
        Books::new(RecordBound { records: 50, bytes: 20_000 }, when_full)
    }

    fn line(size: usize) -> RecordLine {
        RecordLine::new(vec![b'x'; size].into())
    }

    proptest! {
        #[test]
        fn the_books_balance_after_every_step(steps in prop::collection::vec((0_u8..6, 0_usize..1000), 0..100)) {
            let books = books(WhenFull::DropNewest);
            let registry = MetricsRegistry::new("test", "1").unwrap();
            register(&books, &registry).unwrap();
            let mut kept = Vec::new();
            for (step, size) in steps {
                match step {
                    0..=2 => {
                        let mut lines = vec![line(size); 3];
                        books.take_in(&mut lines);
                        kept.extend(lines);
                    }
                    3 => books.delivered(Amount::of(&kept.pop())),
                    4 => books.dropped(Amount::of(&kept.pop()), DropReason::Evicted),
                    _ => books.found_lost(size as u64),
                }
                let text = registry.render(Exposition::Classic);
                let sum = |prefix: &str| -> f64 {
                    text.lines().filter(|l| l.starts_with(prefix)).filter_map(|l| l.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
                };
                prop_assert_eq!(sum("prediction_log_spooled_records"), kept.len() as f64);
                prop_assert_eq!(
                    sum("prediction_log_recorded_total"),
                    sum("prediction_log_delivered_total") + sum("prediction_log_spooled_records") + sum("prediction_log_dropped_total{")
                );
            }
        }
    }

    #[test]
    fn without_room_the_newest_are_dropped_or_all_are_refused() {
        for (when_full, kept) in [(WhenFull::DropNewest, 2), (WhenFull::DropOldest, 3), (WhenFull::Refuse, 0)] {
            let books = books(when_full);
            let mut lines = vec![line(8000); 3];
            assert_eq!(books.take_in(&mut lines), when_full == WhenFull::DropOldest);
            assert_eq!((lines.len(), books.waiting().records), (kept, kept), "{when_full:?}");
            let ledger = books.read();
            assert_eq!((ledger.recorded, ledger.dropped.iter().sum::<u64>()), (3, 3 - kept as u64));
        }
    }
}
