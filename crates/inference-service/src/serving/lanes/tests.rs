#![allow(clippy::unwrap_used)]

mod any_order;
mod instances;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::serving::BatchPolicy;

fn flows(item_seconds: &[f64]) -> Vec<Arc<Flow>> {
    together(item_seconds, BatchPolicy::SINGLE)
}

fn together(item_seconds: &[f64], batching: BatchPolicy) -> Vec<Arc<Flow>> {
    let flow = |(number, seconds): (usize, &f64)| Arc::new(Flow::new(&format!("model-{number}"), *seconds, batching));
    item_seconds.iter().enumerate().map(flow).collect()
}

/// The items whose turn it is, without a delay.
fn next<T>(lanes: &mut Lanes<T>) -> Option<Turn<T>> {
    match lanes.next(Instant::now(), true) {
        NextTurn::Now(turn) => Some(turn),
        NextTurn::At(_) | NextTurn::Nobody => None,
    }
}

proptest! {
    /// While models have items waiting, the seconds of thread that they get differ by no more than an item of each for
    /// every thread, whatever the items take and whatever was expected of them.
    #[test]
    fn models_that_wait_get_equal_time(
        threads in 1..4_usize,
        expected in prop::collection::vec(0.0..2.0_f64, 3),
        took in prop::collection::vec(prop::collection::vec(0.001..1.0_f64, 1..20), 3),
    ) {
        let flows = flows(&expected);
        let mut lanes = Lanes::new(3000, threads);
        for flow in &flows {
            admit_many(&mut lanes, flow, 900);
        }
        let most = |flow: usize| took[flow].iter().copied().fold(expected[flow], f64::max);
        let mut had = [0.0; 3];
        let mut ends: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        let mut turns: Vec<Option<(f64, Turn<u64>)>> = Vec::new();
        let mut now = 0;
        for step in 0..600 {
            if ends.len() == threads {
                let Reverse((at, which)) = ends.pop().unwrap();
                now = at;
                let (seconds, turn) = turns[which].take().unwrap();
                lanes.end_turn(&turn.flow, TurnSeconds { charged: turn.charged, took: seconds });
            }
            let turn = next(&mut lanes).unwrap();
            let flow = flows.iter().position(|flow| Arc::ptr_eq(flow, &turn.flow)).unwrap();
            let seconds = took[flow][step % took[flow].len()];
            had[flow] += seconds;
            ends.push(Reverse((now + (seconds * 1e9) as u64, turns.len())));
            turns.push(Some((seconds, turn)));
            for (a, b) in [(0, 1), (1, 2), (0, 2)] {
                let apart = (had[a] - had[b]).abs();
                let bound = (threads + 1) as f64 * (most(a) + most(b)) + 1e-6;
                prop_assert!(apart <= bound, "{} of {} after {} steps", apart, bound, step);
            }
        }
    }
}

fn admit_many(lanes: &mut Lanes<u64>, flow: &Arc<Flow>, items: usize) {
    lanes.admit(flow, items, true).unwrap();
    for item in 0..items {
        lanes.push(flow, item as u64, Instant::now());
    }
}

#[test]
fn a_flood_leaves_a_place_to_others_unless_it_is_alone() {
    let flows = flows(&[1.0, 1.0, 1.0]);
    let mut lanes = Lanes::<u64>::new(90, 1);
    while lanes.admit(&flows[0], 1, false).is_ok() {}
    assert_eq!(lanes.held(), 80);
    while lanes.admit(&flows[1], 1, false).is_ok() {}
    assert!(lanes.held() < 90, "two floods leave a place as well");
    lanes.admit(&flows[2], 1, false).unwrap();
    while lanes.admit(&flows[0], 1, true).is_ok() {}
    assert_eq!(lanes.held(), 90);
}

#[test]
fn a_request_as_large_as_the_queue_gets_in_when_it_is_empty() {
    let flows = flows(&[1.0]);
    let mut lanes = Lanes::<u64>::new(4, 1);
    lanes.admit(&flows[0], 4, false).unwrap();
    assert_eq!(lanes.admit(&flows[0], 1, false), Err(QueueFull { held: 4, work_ahead: 4.0 }));
}

#[test]
fn what_stands_in_the_way_is_what_goes_before_it() {
    let flows = flows(&[0.1, 1.0]);
    let mut lanes = Lanes::<u64>::new(90, 1);
    lanes.admit(&flows[1], 50, false).unwrap();
    while lanes.admit(&flows[0], 1, false).is_ok() {}
    // While the fast model waits for its own 3.5 seconds, the slow one gets as many and not its 50.
    let fast = lanes.admit(&flows[0], 1, false).unwrap_err();
    let own = flows[0].held() as f64 * 0.1;
    assert!((fast.work_ahead - 2.0 * own).abs() < 1e-9, "{fast:?} with {own}");
    let large = lanes.admit(&flows[0], 80, false).unwrap_err();
    assert!((large.work_ahead - (50.0 + own)).abs() < 1e-9, "it needs the others' places: {large:?}");
}

#[test]
fn who_comes_back_is_next_and_has_nothing_in_store() {
    let flows = flows(&[1.0, 1.0]);
    let mut lanes = Lanes::new(100, 1);
    admit_many(&mut lanes, &flows[0], 50);
    let go = |lanes: &mut Lanes<u64>| {
        let turn = next(lanes).unwrap();
        lanes.end_turn(&turn.flow, TurnSeconds { charged: turn.charged, took: 1.0 });
        turn.flow.name().to_owned()
    };
    for _ in 0..20 {
        go(&mut lanes);
    }
    admit_many(&mut lanes, &flows[1], 20);
    let order: Vec<String> = (0..6).map(|_| go(&mut lanes)).collect();
    assert_eq!(order.iter().filter(|name| *name == "model-1").count(), 3, "{order:?}");
}

#[test]
fn what_waits_anyway_goes_together_and_each_thread_gets_its_part() {
    let flows = together(&[1.0], BatchPolicy { limit: 4, max_delay: Duration::ZERO });
    for (waiting, threads, expected) in [(1, 1, 1), (3, 1, 3), (9, 1, 4), (4, 2, 2), (3, 2, 2), (9, 2, 4), (2, 4, 1)] {
        let mut lanes = Lanes::new(100, threads);
        admit_many(&mut lanes, &flows[0], waiting);
        let turn = next(&mut lanes).unwrap();
        assert_eq!((turn.items.len(), turn.charged), (expected, expected as f64), "{waiting} for {threads} threads");
    }
}

#[test]
fn versions_do_not_go_together() {
    let batching = BatchPolicy { limit: 4, max_delay: Duration::ZERO };
    let [old, new] = [(), ()].map(|()| Arc::new(Flow::new("m", 1.0, batching)));
    let mut lanes = Lanes::new(100, 1);
    for flow in [&old, &old, &new, &new, &old] {
        admit_many(&mut lanes, flow, 1);
    }
    let taken: Vec<(bool, usize)> =
        std::iter::from_fn(|| next(&mut lanes)).map(|turn| (Arc::ptr_eq(&turn.flow, &old), turn.items.len())).collect();
    assert_eq!(taken, [(true, 2), (false, 2), (true, 1)]);
}

#[test]
fn a_delay_ends_when_enough_are_there_or_time_is_up() {
    let delay = Duration::from_millis(5);
    let flows = together(&[1.0], BatchPolicy { limit: 3, max_delay: delay });
    let mut lanes = Lanes::new(100, 2);
    let start = Instant::now();
    lanes.admit(&flows[0], 4, true).unwrap();
    lanes.push(&flows[0], 0, start);
    lanes.push(&flows[0], 1, start + delay / 2);
    assert!(matches!(lanes.next(start, false), NextTurn::At(due) if due == start + delay));
    lanes.push(&flows[0], 2, start + delay / 2);
    lanes.push(&flows[0], 3, start + delay / 2);
    assert!(matches!(lanes.next(start + delay / 2, false), NextTurn::Now(turn) if turn.items == [0, 1, 2]));
    let due = start + delay / 2 + delay;
    assert!(matches!(lanes.next(start + delay, false), NextTurn::At(at) if at == due));
    assert!(matches!(lanes.next(due, false), NextTurn::Now(turn) if turn.items == [3]));
    assert!(matches!(lanes.next(due, false), NextTurn::Nobody));
}
