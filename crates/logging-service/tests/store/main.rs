//! The store against real files and a real server: what was acknowledged is there, whatever happens to files, disk, server
//! or process, and the store comes back by itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod background;
mod damaged_log;
mod full_disk;
mod kills;
mod lost_files;
mod opening;
mod postgresql;
mod properties;
mod queueing;
mod rare_filters;
mod reading;
#[path = "../store_support/mod.rs"]
mod store_support;
mod writing;
