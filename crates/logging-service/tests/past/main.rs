//! The past out of files, as the commands bring it: references of data, predictions and labels.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod away;
mod bounds;
mod command;
mod import;
mod import_values;
#[path = "../api/metrics.rs"]
#[allow(dead_code, reason = "a part is used")]
mod metrics;
mod profile;
mod pyarrow;
#[path = "../api/service.rs"]
#[allow(dead_code, reason = "a part is used")]
mod service;
#[path = "../store_support/mod.rs"]
mod store_support;
