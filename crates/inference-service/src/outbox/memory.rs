//! Records that wait in memory: all of them where there is no spool, otherwise those that the disk did not take.

use std::collections::VecDeque;

use super::line::{Amount, RecordLine};

/// A queue that remembers which of its records are being delivered.
#[derive(Default)]
pub(super) struct MemoryQueue {
    lines: VecDeque<RecordLine>,
    amount: Amount,
    /// How many at the front are being delivered, without those that have left meanwhile.
    in_flight: usize,
}

impl MemoryQueue {
    pub(super) fn amount(&self) -> Amount {
        self.amount
    }

    /// When the oldest record was taken in.
    pub(super) fn oldest_at(&self) -> Option<i64> {
        self.lines.front().map(|line| line.recorded_at)
    }

    pub(super) fn push(&mut self, line: RecordLine) {
        self.amount = self.amount.plus(line.amount());
        self.lines.push_back(line);
    }

    /// The oldest lines, at most `records` of them and about `bytes`. They are being delivered from now on.
    pub(super) fn lend(&mut self, records: usize, bytes: u64) -> Vec<RecordLine> {
        let mut size = 0;
        let fits = |line: &&RecordLine| {
            let first = size == 0;
            size += line.size();
            first || size <= bytes
        };
        let lent: Vec<RecordLine> = self.lines.iter().take(records).take_while(fits).cloned().collect();
        self.in_flight = lent.len();
        lent
    }

    /// Removes what is being delivered: it has arrived.
    pub(super) fn settle(&mut self) -> Amount {
        let settled = (0..self.in_flight).filter_map(|_| self.pop()).collect::<Vec<_>>();
        Amount::of(&settled)
    }

    /// Keeps what was being delivered.
    pub(super) fn take_back(&mut self) {
        self.in_flight = 0;
    }

    /// Removes the oldest record.
    pub(super) fn pop(&mut self) -> Option<RecordLine> {
        let line = self.lines.pop_front()?;
        self.amount = self.amount.minus(line.amount());
        self.in_flight = self.in_flight.saturating_sub(1);
        Some(line)
    }

    /// The records that are not being delivered.
    pub(super) fn idle(&self) -> impl Iterator<Item = &RecordLine> {
        self.lines.range(self.in_flight..)
    }

    /// Removes the oldest `records` that are not being delivered.
    pub(super) fn remove_idle(&mut self, records: usize) {
        let end = self.lines.len().min(self.in_flight + records);
        let removed: Vec<RecordLine> = self.lines.drain(self.in_flight..end).collect();
        self.amount = self.amount.minus(Amount::of(&removed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(records: usize) -> MemoryQueue {
        let mut queue = MemoryQueue::default();
        for _ in 0..records {
            queue.push(RecordLine::new("0123456789".into()));
        }
        queue
    }

    #[test]
    fn a_batch_is_bounded_in_records_and_bytes_but_never_empty() {
        let mut queue = filled(5);
        assert_eq!(queue.lend(3, 1000).len(), 3);
        assert_eq!(queue.lend(5, 25).len(), 2);
        assert_eq!(queue.lend(5, 1).len(), 1);
    }

    #[test]
    fn what_left_while_it_was_delivered_is_not_settled_again() {
        let mut queue = filled(5);
        assert_eq!(queue.lend(3, 1000).len(), 3);
        assert!(queue.pop().is_some());
        assert_eq!(queue.settle(), Amount { records: 2, bytes: 20, refusal_bytes: 0 });
        assert_eq!(queue.settle(), Amount::default());
        assert_eq!(queue.amount(), Amount { records: 2, bytes: 20, refusal_bytes: 0 });
    }

    #[test]
    fn what_is_being_delivered_is_not_idle() {
        let mut queue = filled(5);
        assert_eq!(queue.lend(2, 1000).len(), 2);
        assert_eq!(queue.idle().count(), 3);
        queue.remove_idle(2);
        assert_eq!(queue.amount(), Amount { records: 3, bytes: 30, refusal_bytes: 0 });
        queue.take_back();
        assert_eq!(queue.idle().count(), 3);
    }
}
