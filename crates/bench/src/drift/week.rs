//! One week without drift, in which every window is looked at every minute.

use logging_service::analysis::{DriftRules, DriftVerdict, FALSE_ALARM_RATE};

use super::decision::{FEATURES, LeastFloor, decide};
use super::traffic::{ReferenceRanges, RowStock};

const BUCKET_MINUTES: usize = 5;
const WEEK_BUCKETS: usize = 7 * 24 * 12;
/// The buckets of each window besides the open one.
const WINDOWS: [usize; 3] = [12, 288, WEEK_BUCKETS];

/// The α of a look that has five per cent for itself.
const ONCE: f64 = FALSE_ALARM_RATE / FEATURES as f64;

/// What a week had of false alarms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WeekFindings {
    /// A verdict of any feature in any window at any look.
    pub(super) alarm: bool,
    /// A value above its noise floor, with or without a verdict.
    pub(super) above_floor: bool,
    /// A verdict where each look has five per cent, as if nobody looked again.
    pub(super) alarm_each_look: bool,
}

/// How one window judges.
struct WindowLook {
    buckets: usize,
    alpha: f64,
    counts: Vec<u64>,
}

/// Simulates a week of a model with so many rows an hour; the week before it fills the windows.
pub(super) fn simulate(stock: &RowStock, rows_an_hour: f64, seed: u64) -> WeekFindings {
    let mut random = fastrand::Rng::with_seed(seed);
    let references = stock.references(&mut random);
    let mut windows = WINDOWS.map(|buckets| {
        let seconds = ((buckets + 1) * BUCKET_MINUTES * 60) as f64;
        let alpha = DriftRules::watched(seconds).drift_alpha(FEATURES);
        WindowLook { buckets, alpha, counts: vec![0; references.len()] }
    });
    let occupied = |counts: &Vec<u64>| counts.iter().filter(|count| **count > 0).count();
    let floors = references.counts.iter().map(|counts| LeastFloor::new(ONCE, occupied(counts)));
    let judged = JudgedFeatures { floors: floors.collect(), references };
    let mut ring: Vec<Vec<u16>> = Vec::with_capacity(2 * WEEK_BUCKETS);
    let mut minute = vec![0_u16; judged.references.len()];
    let mut findings = WeekFindings::default();
    for bucket in 0..2 * WEEK_BUCKETS {
        for window in &mut windows {
            if let Some(gone) = bucket.checked_sub(window.buckets + 1) {
                window.counts.iter_mut().zip(&ring[gone]).for_each(|(count, gone)| *count -= u64::from(*gone));
            }
        }
        let mut open = vec![0_u16; minute.len()];
        for _ in 0..BUCKET_MINUTES {
            minute.fill(0);
            judged.references.count_minute(&mut random, rows_an_hour / 60.0, &mut minute);
            open.iter_mut().zip(&minute).for_each(|(count, more)| *count += more);
            for window in &mut windows {
                window.counts.iter_mut().zip(&minute).for_each(|(count, more)| *count += u64::from(*more));
                if bucket >= WEEK_BUCKETS {
                    window.look(&judged, &mut findings);
                }
            }
        }
        ring.push(open);
    }
    findings
}

/// The features of the model, and what they are compared with.
struct JudgedFeatures {
    references: ReferenceRanges,
    floors: Vec<LeastFloor>,
}

impl WindowLook {
    fn look(&self, judged: &JudgedFeatures, findings: &mut WeekFindings) {
        let ReferenceRanges { starts, counts, .. } = &judged.references;
        for ((start, then), floor) in starts.iter().zip(counts).zip(&judged.floors) {
            let now = &self.counts[*start..start + then.len()];
            if !floor.may_exceed(now, then) {
                continue;
            }
            let decision = decide(now, then, self.alpha);
            findings.alarm |= decision.verdict != DriftVerdict::None;
            findings.above_floor |= decision.above_floor;
            findings.alarm_each_look =
                findings.alarm_each_look || decide(now, then, ONCE).verdict != DriftVerdict::None;
        }
    }
}
