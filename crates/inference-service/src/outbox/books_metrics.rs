//! The books as metrics, all from one look at them.

use monitoring::{Collector, Counter, Gauge, LabelEnum as _, MetricsError, MetricsRegistry, Snapshot};
use prometheus::{IntCounterVec, Opts};

use super::books::{Books, DropReason};

/// Exposes the books.
///
/// # Errors
/// If their names are taken.
pub(super) fn register(books: &Books, registry: &MetricsRegistry) -> Result<(), MetricsError> {
    registry.snapshot("prediction_log_*", BooksMetrics::new(books.clone()))
}

struct BooksMetrics {
    books: Books,
    recorded: Counter,
    predictions: Counter,
    recovered: Counter,
    delivered: Counter,
    dropped: IntCounterVec,
    spool_errors: Counter,
    quarantined: Counter,
    spooled_records: Gauge,
    spooled_bytes: Gauge,
    oldest_seconds: Gauge,
    spool_available: Gauge,
    limit_records: Gauge,
    limit_bytes: Gauge,
}

impl BooksMetrics {
    fn new(books: Books) -> prometheus::Result<Self> {
        let dropped = Opts::new("prediction_log_dropped_total", "Records given up, by reason.");
        Ok(Self {
            books,
            recorded: Counter::new(
                "prediction_log_recorded_total",
                "Records taken in for the prediction log, those recovered from the spool too.",
            )?,
            predictions: Counter::new(
                "prediction_log_predictions_total",
                "Predictions that the records taken in stand for, those of refused requests with all of their items.",
            )?,
            recovered: Counter::new("prediction_log_recovered_total", "Records found in the spool at the start.")?,
            delivered: Counter::new(
                "prediction_log_delivered_total",
                "Records that the logging service has acknowledged as stored.",
            )?,
            dropped: IntCounterVec::new(dropped, &[DropReason::NAME])?,
            spool_errors: Counter::new("prediction_log_spool_errors_total", "Writes to the spool that failed.")?,
            quarantined: Counter::new(
                "prediction_log_quarantined_total",
                "Spool files that were found corrupt and set aside.",
            )?,
            spooled_records: Gauge::new("prediction_log_spooled_records", "Records that wait for delivery.")?,
            spooled_bytes: Gauge::new("prediction_log_spooled_bytes", "Bytes of the records that wait for delivery.")?,
            oldest_seconds: Gauge::new(
                "prediction_log_oldest_seconds",
                "Age of the oldest record that waits for delivery.",
            )?,
            spool_available: Gauge::new(
                "prediction_log_spool_available",
                "1 if records are kept as asked, 0 while the disk cannot be written and they wait in memory.",
            )?,
            limit_records: Gauge::new("prediction_log_limit_records", "Records that may wait.")?,
            limit_bytes: Gauge::new("prediction_log_limit_bytes", "Bytes of records that may wait.")?,
        })
    }
}

impl Snapshot for BooksMetrics {
    fn refresh(&self) {
        let (ledger, bound) = (self.books.read(), self.books.bound());
        set(&self.recorded, ledger.recorded);
        set(&self.predictions, ledger.predictions);
        set(&self.recovered, ledger.recovered);
        set(&self.delivered, ledger.delivered);
        for (reason, records) in DropReason::ALL.iter().zip(ledger.dropped) {
            set(&self.dropped.with_label_values(&[reason.as_str()]), records);
        }
        set(&self.spool_errors, ledger.spool_errors);
        set(&self.quarantined, ledger.quarantined);
        self.spooled_records.set(ledger.spooled.records as f64);
        self.spooled_bytes.set(ledger.spooled.bytes as f64);
        self.oldest_seconds.set(ledger.oldest_seconds());
        self.spool_available.set(f64::from(u8::from(ledger.is_available())));
        self.limit_records.set(bound.records as f64);
        self.limit_bytes.set(bound.bytes as f64);
    }

    fn metrics(&self) -> Vec<&dyn Collector> {
        let Self { recorded, predictions, recovered, delivered, dropped, spool_errors, quarantined, .. } = self;
        let Self { spooled_records, spooled_bytes, oldest_seconds, spool_available, .. } = self;
        let Self { limit_records, limit_bytes, .. } = self;
        vec![
            recorded,
            predictions,
            recovered,
            delivered,
            dropped,
            spool_errors,
            quarantined,
            spooled_records,
            spooled_bytes,
            oldest_seconds,
            spool_available,
            limit_records,
            limit_bytes,
        ]
    }
}

fn set(counter: &Counter, value: u64) {
    counter.reset();
    counter.inc_by(value);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use monitoring::Exposition;
    use proptest::prelude::*;

    use super::super::line::{Amount, RecordLine};
    use super::super::record_options::WhenFull;
    use super::*;

    fn books(when_full: WhenFull) -> Books {
        Books::new(Amount::bound(50, 20_000), when_full)
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
                        books.take_in(&mut lines, 3);
                        kept.extend(lines);
                    }
                    3 => books.count_delivered(Amount::of(&kept.pop())),
                    4 => books.count_dropped(Amount::of(&kept.pop()), DropReason::Evicted),
                    _ => books.count_lost(size as u64),
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
            assert_eq!(books.take_in(&mut lines, 3), when_full == WhenFull::DropOldest);
            assert_eq!((lines.len(), books.waiting().records), (kept, kept), "{when_full:?}");
            let ledger = books.read();
            assert_eq!((ledger.recorded, ledger.dropped.iter().sum::<u64>()), (3, 3 - kept as u64));
        }
    }
}
