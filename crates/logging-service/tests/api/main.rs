//! The service as its clients see it: records in over HTTP, and answers, rows and metrics out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_events;
mod case_files;
mod codings;
mod described;
#[path = "../../../monitoring/tests/description/mod.rs"]
mod description;
mod drift;
mod erase;
mod events;
mod expiry;
mod export;
mod feedback;
mod forms;
mod label_targets;
mod label_values;
mod lake;
mod lake_failing_s3;
mod lake_readers;
mod lake_s3;
mod long_ranges;
mod many_names;
mod metrics;
mod migrated;
mod model_metrics;
mod models;
mod no_confidence;
mod number_forms;
mod objects;
mod odd_ranges;
mod openapi;
mod outage;
mod pages;
mod pages_label;
mod pandas_forms;
mod queries;
mod ranges;
mod refusals;
mod reports;
mod segments;
mod service;
mod shared_requests;
#[path = "../store_support/mod.rs"]
mod store_support;
mod unkept;
mod upkeep;
