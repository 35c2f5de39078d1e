//! How often the sequential test of the last minutes alarms without a change, and how soon it sees one.
//!
//! `SUDDEN_WEEKS` sets how many weeks are drawn; docs/drift.md has the result of 60.

use logging_service::analysis::{DriftRules, InputFeatures, Observation, SUDDEN_RATE, WindowCounts, sudden_changes};

const BUCKETS_A_WEEK: usize = 2_016;

/// A number between 0 and 1 as brightness; a shift is one of standard deviations.
fn picture(random: &mut fastrand::Rng, shift: f64) -> WindowCounts {
    let mut counts = WindowCounts::default();
    add(&mut counts, random, shift, 1);
    counts
}

fn add(counts: &mut WindowCounts, random: &mut fastrand::Rng, shift: f64, rows: usize) {
    for _ in 0..rows {
        let normal = crate::samples::normal(random) + shift;
        let brightness = (0.5 + 0.1 * normal).clamp(0.0, 1.0);
        let label = Some(if random.f64() < 0.3 { "defect" } else { "good" });
        let input = InputFeatures { brightness, contrast: brightness / 3.0, ..<_>::default() };
        counts.observe(&Observation { label, input: Some(input), ..<_>::default() });
    }
}

fn window(random: &mut fastrand::Rng, shift: f64, rows: usize) -> WindowCounts {
    let mut counts = WindowCounts::default();
    add(&mut counts, random, shift, rows);
    counts
}

fn alarms(reference: &WindowCounts, bucket: &WindowCounts) -> bool {
    sudden_changes(&DriftRules::once(), reference, bucket).iter().any(|change| change.is_sudden)
}

/// A week: each bucket is looked at ten times while it fills. Blocks are drawn from a stock, as counting each row anew
/// would take hours.
fn week_has_an_alarm(random: &mut fastrand::Rng, reference_rows: usize, rows: usize) -> bool {
    let reference = window(random, 0.0, reference_rows);
    let stock: Vec<WindowCounts> = (0..400).map(|_| window(random, 0.0, (rows / 10).max(1))).collect();
    (0..BUCKETS_A_WEEK).any(|_| {
        let mut bucket = WindowCounts::default();
        (0..10).any(|_| {
            bucket.merge(&stock[random.usize(..stock.len())]);
            alarms(&reference, &bucket)
        })
    })
}

#[test]
fn a_week_without_a_change_is_quiet() {
    let weeks: usize = std::env::var("SUDDEN_WEEKS").map_or(1, |weeks| weeks.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(11);
    for (reference, rows) in [(100, 30), (500, 300), (5_000, 3_000)] {
        let raised = (0..weeks).filter(|_| week_has_an_alarm(&mut random, reference, rows)).count();
        eprintln!("{reference} of the reference, {rows} in five minutes: {raised} of {weeks} weeks have a false alarm");
        // Two standard deviations above the promised rate.
        let expected = SUDDEN_RATE * weeks as f64;
        assert!(raised as f64 <= expected + 2.0 * expected.sqrt().max(0.5), "{raised} of {weeks}");
    }
}

/// Predictions after a change until the bucket alarms, if it begins with the change.
fn delay(random: &mut fastrand::Rng, reference: &WindowCounts, shift: f64) -> Option<usize> {
    let mut bucket = WindowCounts::default();
    (1..=3_000).find(|_| {
        bucket.merge(&picture(random, shift));
        alarms(reference, &bucket)
    })
}

#[test]
fn a_gross_change_is_seen_after_some_dozens_of_predictions() {
    let mut random = fastrand::Rng::with_seed(12);
    // A shift of d standard deviations of a normal distribution has a PSI of d².
    for (psi, reference, most) in [(1.0, 300, 1_000), (1.0, 2_000, 300), (2.0, 2_000, 150), (6.0, 2_000, 60)] {
        let mut delays: Vec<usize> = (0..40)
            .map(|_| {
                let reference = window(&mut random, 0.0, reference);
                delay(&mut random, &reference, f64::sqrt(psi)).unwrap_or(usize::MAX)
            })
            .collect();
        delays.sort_unstable();
        eprintln!(
            "PSI {psi}, {reference} of the reference: median {}, 95 % {}, last {}",
            delays[20], delays[38], delays[39]
        );
        assert!(delays[39] <= most, "PSI {psi}: {delays:?}");
    }
}

/// What a small reference leaves unknown is part of the price: below some size it is never paid.
#[test]
fn a_small_reference_costs_power() {
    let mut random = fastrand::Rng::with_seed(14);
    let mut seen = |reference: usize| {
        let mut is_seen = |_: &usize| {
            let reference = window(&mut random, 0.0, reference);
            // All five minutes at 10 predictions a second, at once.
            alarms(&reference, &window(&mut random, 1.0, 3_000))
        };
        let count = (0..60).filter(&mut is_seen).count();
        eprintln!("PSI 1, {reference} of the reference, 3,000 predictions: {count} of 60 are seen");
        count
    };
    assert!(seen(50) <= 6);
    assert!(seen(100) >= 6);
    assert!(seen(150) >= 45);
    assert_eq!(seen(300), 60);
}

/// The change comes at any time within a bucket of 3,000; it is seen in the rest of it, or in the next.
#[test]
fn a_change_at_any_moment_is_seen_within_three_minutes() {
    let mut random = fastrand::Rng::with_seed(13);
    let reference = window(&mut random, 0.0, 2_000);
    for second in (0..300).step_by(20) {
        let mut bucket = window(&mut random, 0.0, second * 10);
        let mut seen = None;
        for after in 0..300 {
            if second + after == 300 {
                bucket = WindowCounts::default();
            }
            add(&mut bucket, &mut random, 1.0, 10);
            if alarms(&reference, &bucket) {
                seen = Some(after + 1);
                break;
            }
        }
        eprintln!("changed {second} s after the bucket began: seen after {seen:?} s");
        assert!(seen.is_some_and(|seconds| seconds <= 180), "{second}: {seen:?}");
    }
}
