//! One week without drift, in which every window is looked at every minute.
//!
//! Rule of thumb: most looks find nothing, so each is first held against χ², which costs nanoseconds and never rules out
//! what the service's own functions would find. They decide all that is left.

use std::collections::BTreeMap;

use logging_service::analysis::divergence::psi;
use logging_service::analysis::{DriftRules, DriftVerdict, FALSE_ALARM_RATE, PsiThresholds};

use super::arrivals::RowArrivals;
use super::decision::{FEATURES, decide};
use super::quick_look::{LeastFloor, quick_chi_squared};
use super::traffic::{LANES, PLACES, RangeCounts, ReferenceRanges, RowStock};

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

/// Simulates a week of a model with so many rows an hour; the week before it fills the windows.
pub(super) fn simulate(stock: &RowStock, rows_an_hour: f64, seed: u64) -> WeekFindings {
    let mut random = fastrand::Rng::with_seed(seed);
    let judged = JudgedFeatures::of(stock.references(&mut random));
    let mut windows = WINDOWS.map(|buckets| SlidingWindow::new(buckets, &judged));
    let (used, mut ring) = (judged.references.len(), Vec::with_capacity(2 * WEEK_BUCKETS));
    let by_minute = RowArrivals::of_mean(rows_an_hour / 60.0);
    let by_bucket = RowArrivals::of_mean(rows_an_hour / 60.0 * BUCKET_MINUTES as f64);
    let mut findings = WeekFindings::default();
    for bucket in 0..2 * WEEK_BUCKETS {
        windows.iter_mut().for_each(|window| window.forget(bucket, &ring));
        let mut closed = CountedRows::nothing(used);
        // The week that only fills the windows is drawn by bucket, because nobody looks in between.
        let (parts, arrivals) = if bucket < WEEK_BUCKETS { (1, &by_bucket) } else { (BUCKET_MINUTES, &by_minute) };
        for _ in 0..parts {
            let mut counts: RangeCounts = [0; PLACES];
            let rows = arrivals.draw(&mut random);
            judged.references.count_rows(&mut random, rows, &mut counts);
            closed.add(rows, &counts[..used]);
            for window in &mut windows {
                window.counted.add(rows, &counts[..used]);
                if bucket >= WEEK_BUCKETS {
                    window.look(&judged, &mut findings);
                }
            }
        }
        ring.push(closed);
    }
    findings
}

/// The features of the model, and what they are compared with.
struct JudgedFeatures {
    references: ReferenceRanges,
    /// The counts of the references by place, and how many rows each has.
    then: Vec<f32>,
    rows: f32,
    /// The floors of a look that has five per cent for itself.
    once: Vec<LeastFloor>,
}

impl JudgedFeatures {
    fn of(references: ReferenceRanges) -> Self {
        let mut then = vec![0.0; references.len()];
        for (places, counts) in references.places.iter().zip(&references.counts) {
            then[places.clone()].iter_mut().zip(counts).for_each(|(then, count)| *then = *count as f32);
        }
        let rows = references.counts.first().map_or(0, |counts| counts.iter().sum::<u64>()) as f32;
        let once = floors(&references, ONCE);
        Self { references, then, rows, once }
    }
}

/// The least floor of each feature. Quantiles are costly, and most features have equally many ranges.
fn floors(references: &ReferenceRanges, alpha: f64) -> Vec<LeastFloor> {
    let mut known = BTreeMap::new();
    let occupied = |counts: &Vec<u64>| counts.iter().filter(|count| **count > 0).count();
    let ranges = references.counts.iter().map(occupied);
    ranges.map(|ranges| *known.entry(ranges).or_insert_with(|| LeastFloor::new(alpha, ranges))).collect()
}

/// Rows, and their counts by place.
struct CountedRows {
    rows: i32,
    counts: Vec<i32>,
}

impl CountedRows {
    fn nothing(places: usize) -> Self {
        Self { rows: 0, counts: vec![0; places] }
    }

    fn add(&mut self, rows: i32, counts: &[i32]) {
        self.rows += rows;
        self.counts.iter_mut().zip(counts).for_each(|(count, more)| *count += more);
    }
}

/// One window and how it judges.
struct SlidingWindow {
    buckets: usize,
    alpha: f64,
    floors: Vec<LeastFloor>,
    counted: CountedRows,
}

impl SlidingWindow {
    fn new(buckets: usize, judged: &JudgedFeatures) -> Self {
        let seconds = ((buckets + 1) * BUCKET_MINUTES * 60) as f64;
        let alpha = DriftRules::watched(seconds).drift_alpha(FEATURES);
        let counted = CountedRows::nothing(judged.references.len());
        Self { buckets, alpha, floors: floors(&judged.references, alpha), counted }
    }

    /// Takes away the bucket that leaves the window when this one begins.
    fn forget(&mut self, bucket: usize, ring: &[CountedRows]) {
        if let Some(gone) = bucket.checked_sub(self.buckets + 1).and_then(|gone| ring.get(gone)) {
            self.counted.rows -= gone.rows;
            self.counted.counts.iter_mut().zip(&gone.counts).for_each(|(count, gone)| *count -= gone);
        }
    }

    fn look(&self, judged: &JudgedFeatures, findings: &mut WeekFindings) {
        if self.counted.rows == 0 {
            return;
        }
        let rows = self.counted.rows as f32;
        for (feature, places) in judged.references.places.iter().enumerate() {
            let padded = places.start..places.end.next_multiple_of(LANES);
            let chi = quick_chi_squared(&self.counted.counts[padded.clone()], &judged.then[padded], rows, judged.rows);
            let may_alarm = self.floors[feature].may_be_exceeded_by(chi);
            let may_alarm_once = !findings.alarm_each_look && judged.once[feature].may_be_exceeded_by(chi);
            if may_alarm || may_alarm_once {
                self.decide(feature, judged, findings);
            }
        }
    }

    /// Decides as the service does.
    fn decide(&self, feature: usize, judged: &JudgedFeatures, findings: &mut WeekFindings) {
        let then = &judged.references.counts[feature];
        let now = &self.counted.counts[judged.references.places[feature].clone()];
        let now: Vec<u64> = now.iter().map(|count| u64::try_from(*count).unwrap_or(0)).collect();
        let decision = decide(&now, then, self.alpha);
        findings.alarm |= decision.verdict != DriftVerdict::None;
        findings.above_floor |= decision.above_floor;
        // Below the level of a warning there is no verdict, whatever the floor.
        findings.alarm_each_look = findings.alarm_each_look
            || psi(&now, then) >= PsiThresholds::default().warning
                && decide(&now, then, ONCE).verdict != DriftVerdict::None;
    }
}
