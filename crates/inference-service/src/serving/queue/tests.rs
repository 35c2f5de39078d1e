#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::thread;

use super::*;
use crate::model::ModelInstances;
use crate::serving::BatchPolicy;

fn flow(name: &str) -> Arc<Flow> {
    Arc::new(Flow::new(name, 0.0, BatchPolicy::SINGLE))
}

#[test]
fn what_is_dropped_is_free_at_once() {
    let queue = LaneQueue::new(100, 1);
    let flow = flow("m");
    let mut places = queue.admit(&flow, 100, true).unwrap();
    let tickets: Vec<_> = (0..90).map(|item| places.queue(item).unwrap()).collect();
    assert_eq!((queue.held(), flow.held()), (100, 100));
    drop(places);
    assert_eq!(queue.held(), 90, "those on which nothing stood");
    drop(tickets);
    assert_eq!((queue.held(), flow.held()), (0, 0), "no thread has come by");
}

#[test]
fn a_ticket_of_an_item_that_has_gone_takes_nothing_out() {
    let queue = LaneQueue::new(4, 1);
    let flow = flow("m");
    let mut places = queue.admit(&flow, 2, true).unwrap();
    let (first, mut second) = (places.queue('a').unwrap(), places.queue('b').unwrap());
    let TakenTurn { items, on_thread } = queue.next().unwrap();
    drop(first);
    assert_eq!((items, queue.held()), (vec!['a'], 1));
    drop(on_thread);
    second.mark_used();
    drop(second);
    assert_eq!(queue.next().unwrap().items, ['b']);
}

#[test]
fn a_closed_queue_takes_no_more_and_gives_what_it_has() {
    let queue = LaneQueue::new(4, 1);
    let mut places = queue.admit(&flow("m"), 2, true).unwrap();
    let _ticket = places.queue(1).unwrap();
    queue.close();
    assert_eq!(places.queue(2).unwrap_err(), 2);
    assert_eq!(queue.next().unwrap().items, [1]);
    assert!(queue.next().is_none());
}

/// While one thread goes on with another model, a thread that waits takes over the instance that has become free.
#[test]
fn a_thread_that_waits_is_told_of_an_instance_that_is_free() {
    let large = ModelInstances { count: 1, intra_threads: 1 };
    for _ in 0..20 {
        let queue = LaneQueue::new(8, 2);
        let flow = Arc::new(Flow::new("large", 0.0, BatchPolicy::SINGLE).of(large));
        let mut places = queue.admit(&flow, 2, true).unwrap();
        let _tickets = [places.queue(1).unwrap(), places.queue(2).unwrap()];
        let running = queue.next().unwrap();
        let (begins, begun) = std::sync::mpsc::channel();
        let waits = thread::spawn({
            let queue = queue.clone();
            move || {
                begins.send(()).unwrap();
                queue.next().unwrap().items
            }
        });
        begun.recv().unwrap();
        // Most of the rounds find the thread waiting.
        (0..100).for_each(|_| thread::yield_now());
        drop(running);
        assert_eq!(waits.join().unwrap(), [2]);
    }
}

/// Several threads put in, take out and give up; every item is either taken by one thread or given up.
#[test]
fn under_many_threads_nothing_is_lost_and_nothing_comes_twice() {
    const ITEMS: u64 = 2000;
    let queue = LaneQueue::<u64>::new(16, 3);
    let put_in = |which: u64| {
        let (queue, flow) = (queue.clone(), flow(&format!("model-{}", which % 2)));
        move || {
            let mut given_up = BTreeSet::new();
            for number in 0..ITEMS {
                let Some(mut places) = std::iter::repeat_with(|| queue.admit(&flow, 1, false).ok()).flatten().next()
                else {
                    continue;
                };
                let mut ticket = places.queue(which * ITEMS + number).unwrap();
                if number % 3 == 0 {
                    drop(ticket);
                    given_up.insert(which * ITEMS + number);
                } else {
                    ticket.mark_used();
                }
            }
            given_up
        }
    };
    let take_out = || {
        let queue = queue.clone();
        move || std::iter::from_fn(|| queue.next().map(|turn| turn.items)).flatten().collect::<Vec<u64>>()
    };
    let putting: Vec<_> = (0..4).map(|which| thread::spawn(put_in(which))).collect();
    let taking: Vec<_> = (0..3).map(|_| thread::spawn(take_out())).collect();
    let given_up: BTreeSet<u64> = putting.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    queue.close();
    let taken: Vec<u64> = taking.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let different: BTreeSet<u64> = taken.iter().copied().collect();
    assert_eq!(different.len(), taken.len(), "something came twice");
    let all: BTreeSet<u64> = different.union(&given_up).copied().collect();
    assert_eq!(all, (0..4 * ITEMS).collect(), "something was lost");
    assert_eq!(queue.held(), 0);
}
