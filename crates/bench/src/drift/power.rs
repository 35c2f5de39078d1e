//! Which shifts of a normal feature are seen, beside Evidently's defaults.
//!
//! Rule of thumb: Evidently decides by its own code and its own defaults. It draws its samples from the same distributions
//! by itself.

use anyhow::Result;
use fastrand::Rng;
use logging_service::analysis::bins::FrozenBins;
use logging_service::analysis::{DriftRules, DriftVerdict, Tally};
use prediction_record::{NUMBER_BINS, number_bin};
use serde_json::json;

use super::decision::{FEATURES, decide};
use super::peers::{EVIDENTLY, ask};
use super::traffic::normal;
use super::weeks::SIZES;
use crate::scratch::ScratchFolder;
use crate::table::{self, thousands};

/// Shifts in standard deviations.
const STEPS: u32 = 20;
const REFERENCE: u32 = 10_000;
/// The largest reference for which Evidently tests with Kolmogorov and Smirnov.
const SMALL_REFERENCE: u32 = 1_000;

/// The share of the drifts that a detector sees, by shift.
pub(super) struct PowerCurve {
    pub(super) name: String,
    /// Shifts in standard deviations, and shares.
    pub(super) points: Vec<(f64, f64)>,
}

/// The curves for one size of the window.
pub(super) struct PowerPanel {
    pub(super) size: u32,
    pub(super) curves: Vec<PowerCurve>,
}

/// Measures every curve with so many windows for each shift.
///
/// # Errors
/// Where Evidently fails.
pub(super) fn measure(windows: u32, scratch: &ScratchFolder) -> Result<Vec<PowerPanel>> {
    let shifts: Vec<f64> = (0..=STEPS).map(|step| f64::from(step) / 20.0).collect();
    let work = json!({
        "sizes": SIZES, "references": [REFERENCE, SMALL_REFERENCE], "shifts": shifts, "windows": windows,
    });
    let theirs = ask(&EVIDENTLY, include_str!("evidently_power.py"), &work, scratch)?;
    let panel = |(at, size): (usize, u32)| {
        let ours = |name: String, rows: u32, hours: f64| {
            let alpha = DriftRules::watched(3_600.0 * hours + 300.0).drift_alpha(FEATURES);
            let seen = |shift: f64| (shift, share_seen(rows, shift, alpha, windows));
            PowerCurve { name, points: shifts.iter().map(|shift| seen(*shift)).collect() }
        };
        let mut curves =
            vec![ours("service, the hour".to_owned(), size, 1.0), ours("service, the day".to_owned(), 24 * size, 24.0)];
        let names = ["Evidently, Wasserstein 0.1", "Evidently, KS p < 0.05"];
        for (reference, name) in names.into_iter().enumerate() {
            let share = |index: usize| theirs[at][reference][index].as_f64().unwrap_or(f64::NAN);
            let points = shifts.iter().enumerate().map(|(index, shift)| (*shift, share(index))).collect();
            curves.push(PowerCurve { name: name.to_owned(), points });
        }
        PowerPanel { size, curves }
    };
    Ok(SIZES.into_iter().enumerate().map(panel).collect())
}

/// The share of windows with a verdict other than none.
fn share_seen(rows: u32, shift: f64, alpha: f64, windows: u32) -> f64 {
    let mut random = Rng::with_seed(u64::from(rows) + (shift * 1e3) as u64);
    let mut seen = 0;
    // Large windows hardly differ from each other.
    let windows = windows.min(4_000_000 / rows).max(20);
    for _ in 0..windows {
        let reference = sample(&mut random, REFERENCE, 0.0);
        let current = sample(&mut random, rows, shift);
        let bins = FrozenBins::of(NUMBER_BINS, &reference);
        let decision = decide(&bins.count(&current), &bins.count(&reference), alpha);
        seen += u32::from(decision.verdict != DriftVerdict::None);
    }
    f64::from(seen) / f64::from(windows)
}

fn sample(random: &mut Rng, rows: u32, shift: f64) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..rows {
        tally.add(number_bin(normal(random) + shift).unwrap_or(0), 1);
    }
    tally
}

/// What each detector says without a shift, and the least shift that it sees nine times out of ten.
pub(super) fn table(panels: &[PowerPanel]) -> String {
    let line = |size: u32, curve: &PowerCurve| {
        let least = curve.points.iter().find(|(_, share)| *share >= 0.9);
        let without = curve.points.first().map_or(0.0, |(_, share)| *share);
        // Each feature by itself, as if they were independent.
        let model = 1.0 - (1.0 - without).powf(FEATURES as f64);
        vec![
            thousands(f64::from(size)),
            curve.name.clone(),
            least.map_or("above 1 σ".to_owned(), |(shift, _)| format!("{shift:.2} σ")),
            format!("{:.0} %", 100.0 * without),
            format!("{:.0} %", 100.0 * model),
        ]
    };
    let lines: Vec<_> =
        panels.iter().flat_map(|panel| panel.curves.iter().map(|curve| line(panel.size, curve))).collect();
    let head = [
        "predictions an hour",
        "detector",
        "shift that nine of ten windows show",
        "windows that show a shift of 0",
        "the same of any of 50 features",
    ];
    table::text(&head, &lines)
}
