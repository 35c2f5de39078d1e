//! The statistics of drift and quality: their algebra, their false alarms, and the numbers of their peers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod algebra;
mod datasets;
mod false_alarms;
mod faults;
mod peers;
mod quality_peers;
mod samples;
mod sudden;
