//! Label values that are taken for a time: a model's name while the model is there.
//!
//! Rule of thumb: whoever counts under a label value holds its lease, so that no count gets under a value that was given to
//! another. When the last holder lets go, the series with the value leave the scrape, and its place is free.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use super::labels::LabelSetFull;

/// Forgets the series of one family that have these values.
type ForgetSeries = Box<dyn Fn(&[String]) + Send + Sync>;

/// A set of label values that come and go, and that never holds more than its capacity. A row may span several labels.
/// Clones share the rows.
#[derive(Clone)]
pub struct LeasedSet(Arc<LeasedRows>);

struct LeasedRows {
    names: Vec<&'static str>,
    capacity: usize,
    live: Mutex<LiveRows>,
    families: RwLock<Vec<ForgetSeries>>,
}

#[derive(Default)]
struct LiveRows {
    by_values: HashMap<Vec<String>, LiveRow>,
    /// Rows that count towards the capacity.
    counted: usize,
}

struct LiveRow {
    row: Weak<LeasedRow>,
    counts: bool,
}

/// Keeps label values, and the series with them, in the scrape. Clones keep them together.
#[derive(Clone)]
pub struct LabelLease(Arc<LeasedRow>);

struct LeasedRow {
    set: Arc<LeasedRows>,
    values: Vec<String>,
}

impl LeasedSet {
    /// An empty set over `names` with room for `capacity` rows.
    #[must_use]
    pub fn new(names: &[&'static str], capacity: usize) -> Self {
        let (live, families) = (Mutex::default(), RwLock::default());
        Self(Arc::new(LeasedRows { names: names.to_vec(), capacity, live, families }))
    }

    /// The lease of these values, which others may hold already.
    ///
    /// # Errors
    /// [`LabelSetFull`] if nobody holds it and there is no room; what then happens is the caller's policy.
    pub fn lease(&self, values: &[&str]) -> Result<LabelLease, LabelSetFull> {
        let values = owned(values);
        let mut live = self.0.live();
        if let Some(held) = live.held(&values) {
            return Ok(held);
        }
        if live.counted_without(&values) >= self.0.capacity {
            return Err(LabelSetFull(self.0.capacity));
        }
        Ok(self.insert(&mut live, values, true))
    }

    /// The same for values that have room beside the capacity; whoever takes such bounds their number.
    #[must_use]
    pub fn lease_reserved(&self, values: &[&str]) -> LabelLease {
        let values = owned(values);
        let mut live = self.0.live();
        live.held(&values).unwrap_or_else(|| self.insert(&mut live, values, false))
    }

    fn insert(&self, live: &mut LiveRows, values: Vec<String>, counts: bool) -> LabelLease {
        debug_assert_eq!(values.len(), self.0.names.len(), "one value for each label");
        live.counted = live.counted_without(&values) + usize::from(counts);
        let row = Arc::new(LeasedRow { set: self.0.clone(), values: values.clone() });
        live.by_values.insert(values, LiveRow { row: Arc::downgrade(&row), counts });
        LabelLease(row)
    }

    /// The labels' names.
    pub(super) fn names(&self) -> &[&'static str] {
        &self.0.names
    }

    /// Has `forget` called with the values of each row that goes.
    pub(super) fn on_release(&self, forget: ForgetSeries) {
        self.0.families.write().unwrap_or_else(PoisonError::into_inner).push(forget);
    }
}

impl LabelLease {
    /// The values, in the order of the labels' names.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.0.values
    }
}

impl LiveRows {
    /// The lease of these values, if anybody holds it.
    fn held(&self, values: &[String]) -> Option<LabelLease> {
        self.by_values.get(values)?.row.upgrade().map(LabelLease)
    }

    /// The rows that count towards the capacity, besides this one, whose last holder may be just letting go.
    fn counted_without(&self, values: &[String]) -> usize {
        self.counted - usize::from(self.by_values.get(values).is_some_and(|live| live.counts))
    }
}

impl LeasedRows {
    fn live(&self) -> MutexGuard<'_, LiveRows> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LeasedRow {
    fn drop(&mut self) {
        // The lock is held until all series are forgotten, or those of a successor would be.
        let mut live = self.set.live();
        let is_own = |live: &LiveRow| std::ptr::eq(live.row.as_ptr(), self);
        if !live.by_values.get(&self.values).is_some_and(is_own) {
            return;
        }
        live.counted = live.counted_without(&self.values);
        live.by_values.remove(&self.values);
        for forget in self.set.families.read().unwrap_or_else(PoisonError::into_inner).iter() {
            forget(&self.values);
        }
    }
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}
