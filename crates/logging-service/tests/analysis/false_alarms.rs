//! How often the detector raises a verdict without drift, and how often it misses one.
//!
//! Rule of thumb: every random number comes from a fixed seed, so a failure can be repeated.

use crate::samples::{InjectedDrift, sample_window};
use logging_service::analysis::{DriftVerdict, FALSE_ALARM_RATE, WindowCounts, compare};

/// Windows are drawn from a stock of blocks with this many rows, because counting each row anew would take minutes.
const BLOCK: usize = 50;
const REFERENCE_BLOCKS: usize = 20;
const REPETITIONS: u32 = 300;

fn stock(seed: u64, blocks: usize, drift: InjectedDrift) -> Vec<WindowCounts> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..blocks).map(|_| sample_window(&mut random, BLOCK, drift)).collect()
}

fn sum<'a>(blocks: impl IntoIterator<Item = &'a WindowCounts>) -> WindowCounts {
    let mut counts = WindowCounts::default();
    blocks.into_iter().for_each(|block| counts.merge(block));
    counts
}

#[test]
fn without_drift_a_whole_model_is_quiet() {
    let stock = stock(1, 4_000, InjectedDrift::default());
    let mut random = fastrand::Rng::with_seed(2);
    let expected = FALSE_ALARM_RATE * f64::from(REPETITIONS);
    // Two standard deviations of the number that a rate of exactly 5 % would give.
    let most = expected + 2.0 * (expected * (1.0 - FALSE_ALARM_RATE)).sqrt();
    for rows in [50, 100, 500, 5_000] {
        let mut raised = 0;
        for _ in 0..REPETITIONS {
            let drawn = random.choose_multiple(&stock, REFERENCE_BLOCKS + rows / BLOCK);
            let (reference, current) = drawn.split_at(REFERENCE_BLOCKS);
            let report = compare(&sum(reference.iter().copied()), &sum(current.iter().copied()));
            assert_eq!(report.features.len(), 13);
            raised += u32::from(report.verdict != DriftVerdict::None);
        }
        eprintln!("{rows} rows: {raised} of {REPETITIONS} false alarms");
        assert!(f64::from(raised) <= most, "{rows} rows: {raised} of {REPETITIONS} raised a verdict");
    }
}

#[test]
fn injected_drift_is_found() {
    let usual = stock(3, 400, InjectedDrift::default());
    let mut random = fastrand::Rng::with_seed(4);
    for (what, drift) in [
        ("brighter by 1.5 standard deviations", InjectedDrift { brighter: 1.5, ..InjectedDrift::default() }),
        ("four in ten turned into trucks", InjectedDrift { trucks: 0.4, ..InjectedDrift::default() }),
    ] {
        let drifted = stock(5, 400, drift);
        for rows in [100, 500, 5_000] {
            let mut missed = 0;
            for _ in 0..100 {
                let reference = sum(random.choose_multiple(&usual, REFERENCE_BLOCKS));
                let current = sum(random.choose_multiple(&drifted, rows / BLOCK));
                missed += u32::from(compare(&reference, &current).verdict == DriftVerdict::None);
            }
            assert!(missed <= 1, "{what} was missed in {missed} of 100 windows of {rows}");
        }
    }
}
