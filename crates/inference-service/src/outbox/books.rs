//! The books of the prediction log: recorded = delivered + spooled + dropped, in every scrape.
//!
//! They balance by construction: each method moves records from one count to another under the one lock,
//! and a scrape reads all of them under that lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use monitoring::{LabelEnum as _, label_enum};

use super::disk_watch::DiskWatch;
use super::line::{Amount, RecordLine};
use super::record_options::WhenFull;

label_enum! {
    /// Why a record was given up.
    pub(crate) enum DropReason: "reason" {
        /// There was no room for it.
        Full = "full",
        /// It was the oldest and made room for a newer one.
        Evicted = "evicted",
        /// It tells of a refused request, and there was no room for it in the share of such records, or at all.
        Refusals = "refusals",
        /// The logging service refused the record itself.
        Rejected = "rejected",
        /// It waited in memory, and the service stopped before it could be delivered.
        Shutdown = "shutdown",
        /// It was found unreadable in the spool.
        Corrupt = "corrupt",
    }
}

/// What has become of all records.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) recorded: u64,
    /// The predictions that the records stand for, without those that were recovered.
    pub(super) predictions: u64,
    pub(super) recovered: u64,
    pub(super) delivered: u64,
    pub(super) spooled: Amount,
    pub(super) dropped: [u64; DropReason::ALL.len()],
    /// When the oldest record that waits was taken in, in microseconds since 1970.
    oldest_at: Option<i64>,
    /// The disk does not take records.
    unavailable: bool,
    watch: DiskWatch,
    pub(super) spool_errors: u64,
    pub(super) quarantined: u64,
}

/// The shared ledger.
#[derive(Clone)]
pub(super) struct Books {
    ledger: Arc<Mutex<Ledger>>,
    bound: Amount,
    when_full: WhenFull,
}

/// How many records wait, for how long, and whether the disk takes more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WaitingRecords {
    pub(crate) records: usize,
    pub(crate) bytes: u64,
    pub(crate) oldest_seconds: f64,
    pub(crate) available: bool,
}

impl Books {
    pub(super) fn new(bound: Amount, when_full: WhenFull) -> Self {
        Self { ledger: Arc::default(), bound, when_full }
    }

    /// How much may wait.
    pub(super) fn bound(&self) -> Amount {
        self.bound
    }

    pub(super) fn when_full(&self) -> WhenFull {
        self.when_full
    }

    /// Takes the records of one request in, which stand for so many predictions, and removes those from `lines` for which
    /// there is no room: the newest, or all of them where a prediction without its record is refused. True if all have room.
    pub(super) fn take_in(&self, lines: &mut Vec<RecordLine>, predictions: u64) -> bool {
        let mut ledger = self.lock();
        ledger.recorded += lines.len() as u64;
        ledger.predictions += predictions;
        let mut held = ledger.spooled;
        let fitting = lines.iter().take_while(|line| {
            // A refusal never makes an older record give way.
            let gives_way = self.when_full == WhenFull::DropOldest && !line.is_refusal;
            let fits = gives_way || self.bound.has_room(held, line);
            held = held.plus(line.amount());
            fits
        });
        let fitting = fitting.count();
        let has_room = fitting == lines.len();
        let kept = if has_room || self.when_full != WhenFull::Refuse { fitting } else { 0 };
        for line in lines.drain(kept..) {
            ledger.dropped[without_room(&line).index()] += 1;
        }
        if ledger.spooled.records == 0 {
            ledger.oldest_at = lines.first().map(|line| line.recorded_at);
        }
        ledger.spooled = ledger.spooled.plus(Amount::of(&*lines));
        has_room
    }

    /// Whether this much more would have room, and the disk takes records.
    pub(super) fn has_room(&self, amount: Amount) -> bool {
        let ledger = self.look();
        ledger.is_available() && self.bound.covers(ledger.spooled.plus(amount))
    }

    /// Counts records that were found in the spool.
    pub(super) fn count_recovered(&self, amount: Amount) {
        let mut ledger = self.lock();
        ledger.recorded += amount.records as u64;
        ledger.recovered += amount.records as u64;
        ledger.spooled = ledger.spooled.plus(amount);
    }

    /// Counts records that are known to have been in the spool, and cannot be read.
    pub(super) fn count_lost(&self, records: u64) {
        let mut ledger = self.lock();
        ledger.recorded += records;
        ledger.dropped[DropReason::Corrupt.index()] += records;
    }

    /// Counts records that the logging service has stored.
    pub(super) fn count_delivered(&self, amount: Amount) {
        let mut ledger = self.lock();
        ledger.spooled = ledger.spooled.minus(amount);
        ledger.delivered += amount.records as u64;
    }

    /// Counts records that were given up.
    pub(super) fn count_dropped(&self, amount: Amount, reason: DropReason) {
        let mut ledger = self.lock();
        ledger.spooled = ledger.spooled.minus(amount);
        ledger.dropped[reason.index()] += amount.records as u64;
    }

    /// Counts a record for which there is no room where it was to wait.
    pub(super) fn count_without_room(&self, line: &RecordLine) {
        self.count_dropped(line.amount(), without_room(line));
    }

    /// Sets when the oldest record that waits was taken in.
    pub(super) fn set_oldest_at(&self, oldest_at: Option<i64>) {
        self.lock().oldest_at = oldest_at;
    }

    /// Sets whether the disk takes records. True if that is a change.
    pub(super) fn set_available(&self, available: bool) -> bool {
        let was_unavailable = std::mem::replace(&mut self.lock().unavailable, !available);
        was_unavailable == available
    }

    /// The spool's thread begins something that the disk has to do, and that takes less than `patience` if it is well.
    pub(super) fn begin_disk_work(&self, patience: Duration) {
        self.lock().watch.begin(patience);
    }

    /// The disk has done it.
    pub(super) fn end_disk_work(&self) {
        self.lock().watch.end();
    }

    /// Whether the disk has left the spool's thread without an answer for long, so that nobody should wait for it.
    pub(super) fn is_disk_stalled(&self) -> bool {
        self.look().watch.is_stalled()
    }

    /// Counts a write to the spool that failed.
    pub(super) fn count_spool_error(&self) {
        self.lock().spool_errors += 1;
    }

    /// Counts a spool file that was found corrupt and set aside.
    pub(super) fn count_quarantined(&self) {
        self.lock().quarantined += 1;
    }

    pub(super) fn waiting(&self) -> WaitingRecords {
        let ledger = self.look();
        WaitingRecords {
            records: ledger.spooled.records,
            bytes: ledger.spooled.bytes,
            oldest_seconds: ledger.oldest_seconds(),
            available: ledger.is_available(),
        }
    }

    /// All of it, from one look.
    pub(super) fn read(&self) -> Ledger {
        self.look().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // No code panics while it holds the lock halfway through a change.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger, in which a disk that stalls is noted: whoever looks first tells.
    fn look(&self) -> MutexGuard<'_, Ledger> {
        let mut ledger = self.lock();
        if ledger.watch.tells_of_stall() {
            ledger.spool_errors += 1;
        }
        ledger
    }
}

impl Ledger {
    /// Whether the disk takes records.
    pub(super) fn is_available(&self) -> bool {
        !self.unavailable && !self.watch.is_stalled()
    }

    /// Age of the oldest record that waits. By the wall clock, because it may be from before the start.
    pub(super) fn oldest_seconds(&self) -> f64 {
        let oldest_at = self.oldest_at.filter(|_| self.spooled.records > 0);
        oldest_at.map_or(0.0, |at| (Timestamp::now().as_microsecond() - at).max(0) as f64 / 1e6)
    }
}

fn without_room(line: &RecordLine) -> DropReason {
    if line.is_refusal { DropReason::Refusals } else { DropReason::Full }
}
