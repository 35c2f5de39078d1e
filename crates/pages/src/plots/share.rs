//! Bars within a line of text or a cell of a table.

use maud::{Markup, html};

use crate::{percent, seconds};

/// A share, 0 to 1, as a bar beside its number.
#[must_use]
pub fn bar(share: f64) -> Markup {
    let width = format!("{:.1}%", share.clamp(0.0, 1.0) * 100.0);
    html! {
        span.share {
            (percent(share)) " "
            svg.bar aria-hidden="true" { rect.rest width="100%" height="100%" {} rect.part width=(width) height="100%" {} }
        }
    }
}

/// A part of a length of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// What the time went into.
    pub name: &'static str,
    /// How long it took.
    pub seconds: f64,
}

/// Where the time of something went: one bar, and what its parts are.
#[must_use]
pub fn parts(parts: &[Part]) -> Markup {
    let whole: f64 = parts.iter().map(|part| part.seconds).sum();
    let mut left = 0.0;
    let placed: Vec<(usize, f64, f64)> = parts
        .iter()
        .enumerate()
        .map(|(number, part)| {
            let share = if whole > 0.0 { part.seconds / whole * 100.0 } else { 0.0 };
            left += share;
            (number, left - share, share)
        })
        .collect();
    html! {
        figure.parts {
            svg.bar aria-hidden="true" {
                @for (number, begin, share) in &placed {
                    rect class={ "p" (number % 4) } x=(format!("{begin:.2}%")) width=(format!("{share:.2}%")) height="100%" {}
                }
            }
            ul { @for (number, part) in parts.iter().enumerate() {
                li { span class={ "dot p" (number % 4) } {} (part.name) " " b { (seconds(part.seconds)) } }
            } }
        }
    }
}
