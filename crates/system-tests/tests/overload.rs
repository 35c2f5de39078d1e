//! Proves what happens when five times as much is asked of the service as it can do: every request is answered or told
//! when to come back, what is told is true, an accepted request does not wait longer than the queue is long, memory stays
//! flat, and the clients count the same as the metrics. `OVERLOAD_SECONDS` is how long, 6 by default.
//!
//! How much of its throughput the service keeps is measured by `cargo xtask bench overload`; here it is printed.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use testkit::{HttpRequest, Launch, Load, LoadReply, Metrics, Service, alone, percentile, pictures};

/// Pictures of one request: so the queue is long enough for `Retry-After` to have something to tell.
const BATCH: usize = 8;
const THREADS: usize = 2;
const QUEUE_LIMIT: usize = 1500;
/// Two models serve, so one leaves a ninth of the places to the other.
const SHARE: f64 = QUEUE_LIMIT as f64 * 8.0 / 9.0;
/// As many as can wait, and as many again to be refused.
const CONNECTIONS: usize = 2 * QUEUE_LIMIT / BATCH;
const TIMES: f64 = 5.0;
/// Of memory, between the middle and the end.
const MOST_GROWTH: u64 = 24 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn five_times_the_capacity_is_answered_or_told_when_to_come_back() {
    let _alone = alone().await;
    let service = Launch::inference()
        .flag("--threads=", THREADS.to_string())
        .flag("--queue-limit=", QUEUE_LIMIT.to_string())
        .start()
        .await;
    let seconds = std::env::var("OVERLOAD_SECONDS").ok().map_or(6, |seconds| seconds.parse().unwrap());
    let request = batch();

    let closed = Load::closed(8).lasting(Duration::from_secs(4));
    let peak = flood(&service, closed, &request).await;
    assert!(peak.replies.iter().all(|reply| reply.status == 200), "{:?}", by_status(&peak.replies));
    let peak_rate = peak.replies.len() as f64 / peak.seconds;

    let sent = peak.replies.len();
    let half = Duration::from_secs_f64(f64::from(seconds) / 2.0);
    let open = Load::open(CONNECTIONS, TIMES * peak_rate).lasting(half);
    let first = flood(&service, open, &request).await;
    let middle = service.resident_bytes();
    let second = flood(&service, open, &request).await;
    let end = service.resident_bytes();
    let after = service.metrics().await;

    let replies = [first.replies, second.replies].concat();
    let statuses = by_status(&replies);
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [200, 429], "{statuses:?}");
    the_counts_agree(&after, &statuses, sent);

    let accepted = || replies.iter().filter(|reply| reply.status == 200);
    let goodput = accepted().count() as f64 / (first.seconds + second.seconds);
    // How long the queue is follows from what is answered, whatever the service thinks of itself.
    let drain = SHARE / (goodput * BATCH as f64);
    the_refusals_are_true(&replies, drain);
    let p99 = percentile(accepted().map(|reply| reply.seconds), 0.99);
    eprintln!(
        "peak {:.0} items/s, at {TIMES} times that {:.0} items/s answered ({:.0} %) and {} requests refused; p99 of the \
         accepted {p99:.2} s where the queue is {drain:.2} s long; memory {} MiB in the middle, {} MiB at the end",
        peak_rate * BATCH as f64,
        goodput * BATCH as f64,
        100.0 * goodput / peak_rate,
        statuses[&429],
        middle >> 20,
        end >> 20,
    );
    // The queue, what runs, and the way there and back on a machine whose cores are all taken.
    assert!(p99 <= 2.0 * drain + 1.0, "the accepted wait {p99} s, and the queue is {drain} s long");
    assert!(end <= middle + MOST_GROWTH, "memory grows: {middle} bytes, then {end}");
    assert_eq!(service.stderr(), "");
}

/// A form of [`BATCH`] pictures.
fn batch() -> Vec<u8> {
    let mut body = Vec::new();
    for picture in pictures("cifar10").iter().cycle().take(BATCH) {
        body.extend(b"--b\r\ncontent-disposition: form-data; name=\"image\"; filename=\"x\"\r\n\r\n");
        body.extend(&picture.bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--b--\r\n");
    HttpRequest::post("/predict?model=cifar10", body).header("content-type", "multipart/form-data; boundary=b").bytes()
}

/// What came of a load.
struct AnsweredLoad {
    replies: Vec<LoadReply>,
    /// Until the last reply: requests that wait when no more is sent are answered as well.
    seconds: f64,
}

async fn flood(service: &Service, load: Load, request: &[u8]) -> AnsweredLoad {
    let (address, request, started) = (service.address, request.to_vec(), Instant::now());
    let replies = tokio::task::spawn_blocking(move || load.flood(address, &Rc::new(vec![request]))).await;
    let replies = replies.expect("the flood ends well").expect("no connection breaks");
    AnsweredLoad { replies, seconds: started.elapsed().as_secs_f64() }
}

fn by_status(replies: &[LoadReply]) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for reply in replies {
        *statuses.entry(reply.status).or_default() += 1;
    }
    statuses
}

fn the_counts_agree(metrics: &Metrics, statuses: &BTreeMap<u16, usize>, sent_before: usize) {
    let of = |status| [("model", "cifar10"), ("status", status)];
    let answered = (statuses[&200] + sent_before) * BATCH;
    assert_eq!(metrics.count("predictions_total", &of("success")), answered as u64);
    let refused = (statuses[&429] * BATCH) as u64;
    assert_eq!(metrics.count("predictions_total", &of("error")), refused);
    let errors = metrics.counts_by("prediction_errors_total", &[], "error_type");
    assert_eq!(errors, BTreeMap::from([("overloaded".to_owned(), refused)]));
    assert_eq!(metrics.count("prediction_queue_depth", &[]), 0, "a place in the queue is lost");
}

/// All say when the queue has been worked off, within a factor of two and in whole seconds.
fn the_refusals_are_true(replies: &[LoadReply], drain: f64) {
    for reply in replies.iter().filter(|reply| reply.status == 429) {
        let told = reply.retry_after.expect("a refusal says when to come back") as f64;
        let range = (drain / 2.0).floor()..=(2.0 * drain).ceil() + 1.0;
        assert!(range.contains(&told), "told {told} s, and the queue is {drain} s long");
    }
}
