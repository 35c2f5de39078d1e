#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::http::ErrorCode;
use crate::metrics::{Exposition, MetricsRegistry};

const MIB: usize = 1024 * 1024;
/// Longer than anything here should take.
const SOON: Duration = Duration::from_secs(30);

fn room(mebibytes: usize) -> (MemoryRoom, MetricsRegistry) {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    (MemoryRoom::register((mebibytes * MIB) as u64, &registry).unwrap(), registry)
}

/// What a scrape says of bodies.
fn scraped(registry: &MetricsRegistry, name: &str) -> f64 {
    let text = registry.render(Exposition::Classic);
    let series = format!("{name}{{kind=\"body\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).expect("there is such a series").parse().unwrap()
}

/// A body that has sent so much and now pauses.
async fn stalled(room: &MemoryRoom, bytes: usize) -> Hold {
    let mut hold = room.moving_hold(HeldKind::Body, CancellationToken::new());
    hold.grow(bytes).await.unwrap();
    hold.moved(bytes);
    hold
}

#[tokio::test]
async fn what_is_given_back_is_there_for_who_waits() {
    let (room, registry) = room(8);
    let mut first = room.hold(HeldKind::Body);
    first.grow(6 * MIB).await.unwrap();
    let waiting = tokio::spawn({
        let room = room.clone();
        async move {
            let mut second = room.hold(HeldKind::Body);
            second.grow(5 * MIB).await.map(|()| second)
        }
    });
    tokio::task::yield_now().await;
    first.shrink_to(MIB);
    let second = timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(scraped(&registry, "memory_held_bytes"), (6 * MIB) as f64);
    drop((first, second));
    assert_eq!(scraped(&registry, "memory_held_bytes"), 0.0);
    room.hold(HeldKind::Body).grow(room.largest_hold()).await.unwrap();
}

#[tokio::test]
async fn who_finds_no_room_is_refused_after_a_short_wait_and_keeps_what_it_has() {
    let (room, registry) = room(8);
    let mut work = room.hold(HeldKind::Body);
    work.grow(6 * MIB).await.unwrap();
    let mut late = room.hold(HeldKind::Body);
    late.grow(100).await.unwrap();
    let refusal = timeout(SOON, late.grow(MIB)).await.unwrap().unwrap_err();
    assert_eq!((refusal.code, refusal.retry_after_seconds), (ErrorCode::Overloaded, Some(1)));
    assert_eq!((late.bytes(), scraped(&registry, "memory_refusals_total")), (100, 1.0));
    assert_eq!(late.grow_now(MIB).unwrap_err().code, ErrorCode::Overloaded);
    assert_eq!(late.grow(100 * MIB).await.unwrap_err().code, ErrorCode::TooLarge, "it would never fit");
    drop(work);
    late.grow_now(MIB).unwrap();
    let together = late.grow(room.largest_hold()).await.unwrap_err();
    assert_eq!(together.code, ErrorCode::TooLarge, "with what it has, it would never fit");
    assert_eq!(late.grow_now(room.largest_hold()).unwrap_err().code, ErrorCode::TooLarge);
}

#[tokio::test]
async fn large_ones_leave_a_part_to_small_ones() {
    let (room, _) = room(16);
    let mut large = Vec::new();
    for _ in 0..12 {
        let mut hold = room.hold(HeldKind::Body);
        hold.grow(MIB).await.unwrap();
        large.push(hold);
    }
    let one = async |bytes| {
        let mut hold = room.hold(HeldKind::Body);
        hold.grow_now(bytes).map(|()| hold)
    };
    assert!(one(300 * 1024).await.is_err());
    let mut small = Vec::new();
    for _ in 0..16 {
        small.push(one(256 * 1024).await.unwrap());
    }
    assert!(one(1).await.is_err(), "now it is full");
    // One that grows out of the small ones needs room among the large ones.
    drop(large.pop());
    small[0].grow_now(100 * 1024).unwrap();
    drop(small);
    one(MIB - 400 * 1024).await.unwrap();
}

#[tokio::test]
async fn the_slow_make_way_for_newcomers_and_who_sends_stays() {
    let (room, registry) = room(64);
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(stalled(&room, 16 * MIB).await);
    }
    let sender = stalled(&room, 100 * 1024).await;
    let ended = Arc::new(AtomicUsize::new(0));
    for body in bodies {
        let ended = ended.clone();
        tokio::spawn(async move {
            body.must_make_way().await;
            ended.fetch_add(1, Ordering::SeqCst);
        });
    }
    let mut newcomer = room.hold(HeldKind::Body);
    let growing = newcomer.grow(16 * MIB);
    let sending = async {
        loop {
            sender.moved(100 * 1024);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        grown = growing => grown.unwrap(),
        () = sending => {}
        () = sender.must_make_way() => panic!("who sends need not make way"),
    }
    assert_eq!(ended.load(Ordering::SeqCst), 1, "no more of them than are needed");
    assert_eq!(scraped(&registry, "memory_evictions_total"), 1.0);
}

/// A newcomer that waits already has what is free, bit by bit, so it needs only the rest of others.
#[tokio::test]
async fn what_is_free_is_not_asked_of_the_slow() {
    let (room, registry) = room(64);
    let bodies = [stalled(&room, 16 * MIB).await, stalled(&room, 16 * MIB).await];
    bodies.iter().for_each(|body| body.client_pauses(Duration::from_secs(3)));
    let [mut first, second] = bodies;
    // 16 of the 48 for large ones are free, and 20 are wanted: one of them gives way.
    let mut newcomer = room.hold(HeldKind::Body);
    let ending = async {
        tokio::select! {
            () = first.must_make_way() => {}
            () = second.must_make_way() => {}
        }
        // As long as it takes until the newcomer has looked again.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(scraped(&registry, "memory_evictions_total"), 1.0);
        first.shrink_to(0);
    };
    let (grown, ()) = tokio::join!(newcomer.grow(20 * MIB), ending);
    grown.unwrap();
    assert_eq!(scraped(&registry, "memory_evictions_total"), 1.0, "one of them was enough");
}

#[tokio::test]
async fn a_look_for_one_part_of_the_room_does_not_put_off_that_for_the_other() {
    let (room, registry) = room(16);
    let large = stalled(&room, 12 * MIB).await;
    large.client_pauses(Duration::from_secs(3));
    let mut small = Vec::new();
    for _ in 0..16 {
        let hold = stalled(&room, 256 * 1024).await;
        hold.client_pauses(Duration::from_secs(5));
        small.push(hold);
    }
    assert!(room.hold(HeldKind::Body).grow_now(MIB).is_err());
    assert_eq!(scraped(&registry, "memory_evictions_total"), 5.0, "four small ones, and a large one for its part");
}

#[tokio::test]
async fn exports_leave_half_to_others_and_slow_ones_make_way_for_the_next() {
    let (room, _) = room(16);
    let export = |ended| room.moving_hold(HeldKind::Export, ended);
    let ended = CancellationToken::new();
    let mut unread = export(ended.clone());
    unread.grow(7 * MIB).await.unwrap();
    assert_eq!(export(CancellationToken::new()).grow(9 * MIB).await.unwrap_err().code, ErrorCode::TooLarge);
    let mut next = export(CancellationToken::new());
    assert_eq!(next.grow_now(2 * MIB).unwrap_err().code, ErrorCode::Overloaded, "the unread one is not late yet");
    assert!(!ended.is_cancelled());
    room.hold(HeldKind::Body).grow_now(5 * MIB).unwrap();
    let waiting = async { while next.grow(2 * MIB).await.is_err() {} };
    tokio::select! {
        () = waiting => panic!("there is no room"),
        () = ended.cancelled() => {}
    }
    drop(unread);
    timeout(SOON, next.grow(2 * MIB)).await.unwrap().unwrap();
}

#[tokio::test]
async fn bytes_that_have_all_come_never_make_way() {
    let (room, _) = room(8);
    let mut body = stalled(&room, 6 * MIB).await;
    body.settle();
    assert!(room.hold(HeldKind::Body).grow(MIB).await.is_err());
    assert!(timeout(Duration::from_millis(10), body.must_make_way()).await.is_err());
}

#[tokio::test]
async fn bytes_that_are_shared_are_held_until_the_last_slice_goes() {
    let (room, registry) = room(8);
    let mut hold = room.hold(HeldKind::Body);
    hold.grow(1000).await.unwrap();
    let bytes = hold.of(vec![7; 1000]);
    let slice = bytes.slice(10..20);
    drop(bytes);
    assert_eq!((scraped(&registry, "memory_held_bytes"), &slice[..]), (1000.0, &[7; 10][..]));
    drop(slice);
    assert_eq!(scraped(&registry, "memory_held_bytes"), 0.0);
}

/// What one of many clients does with its memory, in kibibytes.
#[derive(Clone, Copy, Debug)]
enum Step {
    Grow(usize),
    Shrink(usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        4 => (0_usize..3000).prop_map(Step::Grow),
        1 => (0_usize..3000).prop_map(Step::Shrink),
        1 => (0_usize..3000).prop_map(Step::Leave),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..12), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Many clients at once, each with its own steps; some leave in the middle of a wait.
    #[test]
    fn never_more_than_the_room_and_all_of_it_comes_back(clients in steps()) {
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let room = MemoryRoom::impatient(8 * MIB as u64, &registry).unwrap();
        let held = Arc::new(AtomicUsize::new(0));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for steps in clients {
                tasks.spawn(client(room.clone(), held.clone(), steps));
            }
            timeout(SOON, tasks.join_all()).await.expect("somebody waits for ever");
        });
        prop_assert_eq!(scraped(&registry, "memory_held_bytes"), 0.0);
        room.hold(HeldKind::Body).grow_now(room.largest_hold()).unwrap();
    }
}

async fn client(room: MemoryRoom, held: Arc<AtomicUsize>, steps: Vec<Step>) {
    let mut hold = room.hold(HeldKind::Body);
    for step in steps {
        match step {
            Step::Grow(kibibytes) => {
                if hold.grow(kibibytes * 1024).await.is_ok() {
                    let now = held.fetch_add(kibibytes, Ordering::SeqCst) + kibibytes;
                    assert!(now <= 8 * 1024, "{now} KiB are held");
                }
            }
            Step::Shrink(kibibytes) => {
                let kept = (hold.bytes() / 1024).saturating_sub(kibibytes);
                // Counted before it is given back, when another may take it at once.
                held.fetch_sub(hold.bytes() / 1024 - kept, Ordering::SeqCst);
                hold.shrink_to(kept * 1024);
            }
            Step::Leave(kibibytes) => {
                let growing = hold.grow(kibibytes * 1024);
                if timeout(Duration::from_millis(1), growing).await.is_ok_and(|grown| grown.is_ok()) {
                    held.fetch_add(kibibytes, Ordering::SeqCst);
                }
            }
        }
    }
    held.fetch_sub(hold.bytes() / 1024, Ordering::SeqCst);
}
