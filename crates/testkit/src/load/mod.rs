//! The one load generator of tests and measurements.
//!
//! Rule of thumb: in a closed loop, each connection sends its next request when its last one is answered, so that what is
//! measured is what a service can do. In an open loop, requests are sent at a fixed rate, and one is late when it was due
//! and not when it could be sent, so that a service which answers slowly does not make its latencies look better.

mod flood;
mod schedule;
mod shots;

pub use flood::LoadReply;
pub use schedule::Load;
pub use shots::{RunningLoad, Shot, ShotOutcome};

/// The value below which the share `quantile` (0 to 1) of the values lies.
///
/// # Panics
/// If there are no values.
pub fn percentile(values: impl IntoIterator<Item = f64>, quantile: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let position = (values.len() as f64 * quantile) as usize;
    values[position.min(values.len() - 1)]
}
