//! Made-up predictions that look like those of a model of photographs.

use logging_service::analysis::{InputFeatures, Observation, WindowCounts};

/// Classes and their shares, which are as uneven as real ones.
pub(crate) const CLASSES: [(&str, f64); 10] = [
    ("airplane", 0.18),
    ("automobile", 0.16),
    ("bird", 0.13),
    ("cat", 0.12),
    ("deer", 0.11),
    ("dog", 0.10),
    ("frog", 0.08),
    ("horse", 0.06),
    ("ship", 0.04),
    ("truck", 0.02),
];

/// One prediction with all its numbers.
#[derive(Clone, Debug)]
pub(crate) struct SampleRow {
    pub(crate) label: &'static str,
    pub(crate) confidence: f64,
    pub(crate) brightness: f64,
    pub(crate) contrast: f64,
    pub(crate) sharpness: f64,
    pub(crate) mean: [f64; 3],
    pub(crate) std: [f64; 3],
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl SampleRow {
    pub(crate) fn observation(&self) -> Observation<'_> {
        Observation {
            failed: 0,
            label: Some(self.label),
            confidence: Some(self.confidence),
            input: Some(InputFeatures {
                brightness: self.brightness,
                contrast: self.contrast,
                sharpness: self.sharpness,
                mean: &self.mean,
                std: &self.std,
                width: self.width,
                height: self.height,
            }),
            ..Observation::default()
        }
    }
}

/// A drift that is added to the usual predictions.
#[derive(Clone, Copy, Default)]
pub(crate) struct InjectedDrift {
    /// By how many standard deviations pictures are brighter.
    pub(crate) brighter: f64,
    /// Share of the predictions that are turned into "truck".
    pub(crate) trucks: f64,
}

pub(crate) fn sample_row(random: &mut fastrand::Rng, drift: InjectedDrift) -> SampleRow {
    let scene = normal(random) + drift.brighter;
    let texture = normal(random);
    let brightness = (0.47 + 0.13 * scene).clamp(0.0, 1.0);
    let contrast = (0.21 + 0.06 * texture).clamp(0.0, 0.5);
    let channel = |random: &mut fastrand::Rng, middle: f64| (middle + 0.05 * normal(random)).clamp(0.0, 1.0);
    let mean = [channel(random, brightness), channel(random, brightness), channel(random, brightness - 0.02)];
    let std = [channel(random, contrast), channel(random, contrast), channel(random, contrast)];
    let small = random.f64() < 0.7;
    let width = if small { 32 } else { 1 << random.u32(6..11) };
    SampleRow {
        label: if random.f64() < drift.trucks { "truck" } else { class(random) },
        confidence: 1.0 - 0.75 * random.f64().powi(5),
        brightness,
        contrast,
        sharpness: (-4.5 + 0.8 * texture + 0.6 * normal(random)).exp(),
        mean,
        std,
        width,
        height: if small { 32 } else { width * 3 / 4 },
    }
}

pub(crate) fn sample_window(random: &mut fastrand::Rng, rows: usize, drift: InjectedDrift) -> WindowCounts {
    let mut counts = WindowCounts::default();
    for _ in 0..rows {
        counts.observe(&sample_row(random, drift).observation());
    }
    counts
}

fn class(random: &mut fastrand::Rng) -> &'static str {
    let mut left = random.f64();
    for (class, share) in CLASSES {
        left -= share;
        if left < 0.0 {
            return class;
        }
    }
    "truck"
}

/// Box and Muller's transform.
pub(crate) fn normal(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}
