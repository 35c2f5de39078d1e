//! Which items run next, and which may still come: the queue's decisions, without its lock.
//!
//! Rule of thumb: the model that has had the least of the threads' time goes next, and a model that holds most of the
//! places gets no more of them, so a flood of one model costs the others neither their turn nor their way in.
//!
//! The order is start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), where the length of an item is its time on
//! a thread, as when it schedules processors (Goyal, Guo and Vin, OSDI 1996): what an item should take is charged when it
//! goes, and put right when it has ended. While two models wait, the times that they get differ by no more than an item
//! of each for every thread. The bound on places is a dynamic threshold (Choudhury and Hahne, IEEE/ACM Transactions on
//! Networking, 1998). Items of one version that wait anyway may go together, as far as that pays for their model.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::Flow;

/// A model may hold so many times the places that are free: one that floods the queue gets 8 places of 9, and two get 16
/// of 17.
const MOST_TO_FREE: usize = 8;

/// The lanes of the models that hold places or had a turn of late. `T` is an item.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    lanes: BTreeMap<String, Lane<T>>,
    limit: usize,
    threads: usize,
    held: usize,
    /// The start tag of the last item that went.
    virtual_time: f64,
    next_number: u64,
}

#[derive(Debug)]
struct Lane<T> {
    /// Places, also of items that are still being decoded.
    held: usize,
    /// Turns on threads.
    running: usize,
    waiting: VecDeque<WaitingItem<T>>,
    /// Start tag of its next item: the seconds that it has had, or those of the lane that ran while it had nothing to do.
    start: f64,
    /// The newest version, whose service time stands for all.
    flow: Arc<Flow>,
}

#[derive(Debug)]
struct WaitingItem<T> {
    number: u64,
    flow: Arc<Flow>,
    since: Instant,
    item: T,
}

/// Why there is no place.
#[derive(Debug, PartialEq)]
pub(super) struct QueueFull {
    /// Items that hold places.
    pub(super) held: usize,
    /// Seconds of all threads together that it takes to run what stands in the way.
    pub(super) work_ahead: f64,
}

/// Whose turn it is.
#[derive(Debug)]
pub(super) enum NextTurn<T> {
    /// These items run now.
    Now(Turn<T>),
    /// Nothing runs before this moment, unless another item comes: the items that wait are to be joined by more.
    At(Instant),
    /// Nothing waits.
    Nobody,
}

/// Items of one version that go together; at least one.
#[derive(Debug)]
pub(super) struct Turn<T> {
    pub(super) items: Vec<T>,
    pub(super) flow: Arc<Flow>,
    /// Seconds that their lane was charged for them.
    pub(super) charged: f64,
}

/// Seconds of a thread for a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnSeconds {
    /// What its lane was charged when it began.
    pub(super) charged: f64,
    pub(super) took: f64,
}

impl<T> Lanes<T> {
    pub(super) fn new(limit: usize, threads: usize) -> Self {
        Self { lanes: BTreeMap::new(), limit, threads, held: 0, virtual_time: 0.0, next_number: 0 }
    }

    /// Places that are taken.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Takes places for `items`, all or none. A model that is `alone` needs to leave none to others; one that holds none
    /// gets what there is, so that no request is refused for ever.
    pub(super) fn admit(&mut self, flow: &Arc<Flow>, items: usize, alone: bool) -> Result<(), QueueFull> {
        let held = self.lanes.get(flow.name()).map_or(0, |lane| lane.held);
        let Some(left) = (self.limit - self.held).checked_sub(items) else {
            return Err(self.full(f64::INFINITY));
        };
        if !alone && held > 0 && held + items > MOST_TO_FREE * left {
            return Err(self.full(self.work(flow, held)));
        }
        let start = self.virtual_time;
        let lane = self.lanes.entry(flow.name().to_owned()).or_insert_with(|| Lane::new(flow, start));
        lane.held += items;
        lane.flow = flow.clone();
        self.held += items;
        flow.take_places(items);
        Ok(())
    }

    /// While a model waits for `own` seconds of work, each of the others gets as much, or what it needs if that is less.
    fn full(&self, own: f64) -> QueueFull {
        let work = self.lanes.values().map(|lane| self.work(&lane.flow, lane.held).min(own));
        QueueFull { held: self.held, work_ahead: work.sum() }
    }

    /// The seconds that all threads together need until so many items are done. Those of a model with few instances have
    /// to wait for each other, whatever the other threads do.
    fn work(&self, flow: &Flow, items: usize) -> f64 {
        let at_a_time = flow.instances().count.min(self.threads).max(1);
        items as f64 * flow.item_seconds() * (self.threads as f64 / at_a_time as f64)
    }

    /// Gives places back that no item stands on.
    pub(super) fn give_back(&mut self, flow: &Flow, places: usize) {
        if let Some(lane) = self.lanes.get_mut(flow.name()) {
            lane.held -= places;
            self.held -= places;
            flow.give_back_places(places);
        }
        self.forget_idle();
    }

    /// Puts an item on a place that was taken for it; the number finds it again.
    pub(super) fn push(&mut self, flow: &Arc<Flow>, item: T, since: Instant) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let virtual_time = self.virtual_time;
        let lane = self.lanes.entry(flow.name().to_owned()).or_insert_with(|| Lane::new(flow, virtual_time));
        if lane.waiting.is_empty() {
            // Time in which it wanted nothing is not owed to it.
            lane.start = lane.start.max(virtual_time);
        }
        lane.waiting.push_back(WaitingItem { number, flow: flow.clone(), since, item });
        number
    }

    /// Takes out an item whose client has left, with its place; `None` if its turn has come before.
    pub(super) fn remove(&mut self, flow: &Flow, number: u64) -> Option<T> {
        let lane = self.lanes.get_mut(flow.name())?;
        let position = lane.waiting.binary_search_by_key(&number, |waiting| waiting.number).ok()?;
        let removed = lane.waiting.remove(position)?;
        self.give_back(flow, 1);
        Some(removed.item)
    }

    /// The items whose turn it is. They leave their places, and [`end_turn`](Self::end_turn) follows. With `at_once`, they are not kept waiting for others to join them.
    pub(super) fn next(&mut self, now: Instant, at_once: bool) -> NextTurn<T> {
        let due = |lane: &Lane<T>| lane.due().filter(|due| *due > now && !at_once);
        let Self { lanes, threads, .. } = self;
        let waiting = lanes.values_mut().filter(|lane| lane.can_go() && due(lane).is_none());
        let Some(lane) = waiting.min_by(|a, b| a.start.total_cmp(&b.start)) else {
            return lanes
                .values()
                .filter(|lane| lane.can_go())
                .filter_map(due)
                .min()
                .map_or(NextTurn::Nobody, NextTurn::At);
        };
        let Some(turn) = lane.take(*threads) else { return NextTurn::Nobody };
        self.virtual_time = self.virtual_time.max(lane.start);
        let places = turn.items.len();
        lane.start += turn.charged;
        lane.running += 1;
        turn.flow.begin_turn();
        lane.held -= places;
        self.held -= places;
        turn.flow.give_back_places(places);
        NextTurn::Now(turn)
    }

    /// Ends a turn, and puts right what its lane was charged for it. True if other items may have waited for its instance.
    pub(super) fn end_turn(&mut self, flow: &Flow, seconds: TurnSeconds) -> bool {
        let had_last_instance = !flow.has_free_instance();
        flow.end_turn();
        if let Some(lane) = self.lanes.get_mut(flow.name()) {
            lane.running -= 1;
            lane.start += seconds.took * flow.instances().intra_threads as f64 - seconds.charged;
        }
        self.forget_idle();
        had_last_instance
    }

    /// Drops the lanes that would be no different if they were made anew.
    fn forget_idle(&mut self) {
        let Self { lanes, virtual_time, .. } = self;
        if lanes.values().all(Lane::is_idle) {
            lanes.clear();
            *virtual_time = 0.0;
        } else {
            lanes.retain(|_, lane| !lane.is_idle() || lane.start > *virtual_time);
        }
    }

    #[cfg(test)]
    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }
}

impl<T> Lane<T> {
    fn new(flow: &Arc<Flow>, start: f64) -> Self {
        Self { held: 0, running: 0, waiting: VecDeque::new(), start, flow: flow.clone() }
    }

    /// Whether items wait, and one of their version's instances is free.
    fn can_go(&self) -> bool {
        self.waiting.front().is_some_and(|first| first.flow.has_free_instance())
    }

    /// When the first items are to run, unless that is now: while fewer wait than may run together, they are kept for the
    /// delay that the model allows.
    fn due(&self) -> Option<Instant> {
        let first = self.waiting.front()?;
        let delay = first.flow.batching.max_delay;
        (!delay.is_zero() && self.together(&first.flow) < first.flow.batching.limit).then(|| first.since + delay)
    }

    /// How many of the first items are of this version, up to what may run together.
    fn together(&self, flow: &Arc<Flow>) -> usize {
        let of_flow = |waiting: &&WaitingItem<T>| Arc::ptr_eq(&waiting.flow, flow);
        self.waiting.iter().take(flow.batching.limit).take_while(of_flow).count()
    }

    /// Takes the first items that run together. Without a delay, the other threads that can run them get their part
    /// of what waits.
    fn take(&mut self, threads: usize) -> Option<Turn<T>> {
        let flow = self.waiting.front()?.flow.clone();
        let others = threads.min(flow.instances().count);
        let share = if flow.batching.max_delay.is_zero() { self.waiting.len().div_ceil(others) } else { usize::MAX };
        let together = self.together(&flow).min(share).max(1);
        let items = self.waiting.drain(..together).map(|waiting| waiting.item).collect();
        Some(Turn {
            items,
            charged: together as f64 * flow.item_seconds() * flow.instances().intra_threads as f64,
            flow,
        })
    }

    fn is_idle(&self) -> bool {
        self.held == 0 && self.running == 0
    }
}

#[cfg(test)]
mod tests;
