//! A line without axes, for a cell of a table.

use std::fmt::Write as _;

use maud::{Markup, html};

/// The values one after the other; `says` tells a reader who does not see them.
#[must_use]
pub fn spark(values: &[f64], says: &str) -> Markup {
    let highest = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let step = 100.0 / values.len().saturating_sub(1).max(1) as f64;
    let mut path = String::new();
    for (number, value) in values.iter().enumerate() {
        let share = if highest > 0.0 { value.clamp(0.0, highest) / highest } else { 0.0 };
        let letter = if number == 0 { 'M' } else { 'L' };
        // Writing into a string does not fail.
        let _ = write!(path, "{letter}{:.1} {:.1}", number as f64 * step, 23.0 - share * 22.0);
    }
    html! {
        svg.spark viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label=(says) { path d=(path) {} }
    }
}
