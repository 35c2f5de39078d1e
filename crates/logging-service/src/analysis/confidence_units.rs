//! Confidences as whole numbers, so that their sums are exact.
//!
//! Rule of thumb: a confidence is counted in its bin, and only what lies above the bin's lower edge is summed. The unit is
//! 2⁻³², and such sums cannot overflow before 10¹¹ predictions. (Sums of whole confidences in units of 2⁻⁴⁰ would
//! overflow at 8 million.)

use super::Feature;

const UNITS: f64 = 4_294_967_296.0;

/// How far a confidence lies above the lower edge of its bin, in units.
pub(super) fn units_above_edge(bin: u16, confidence: f64) -> i64 {
    let edge = Feature::Confidence.edges()[usize::from(bin)];
    ((confidence.clamp(0.0, 1.0) - edge) * UNITS).round() as i64
}

/// The sum of `count` confidences of a bin, from their units above its lower edge.
pub(super) fn confidence_sum(bin: u16, count: i64, units: i64) -> f64 {
    count as f64 * Feature::Confidence.edges()[usize::from(bin)] + units as f64 / UNITS
}
