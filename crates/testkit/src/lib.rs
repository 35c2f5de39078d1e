//! Both services as real processes, observed from outside: by HTTP, signals, their output, their files.
//!
//! Tests of whole services want both processor cores, so inside a test program one test runs at a time ([`alone`]), and
//! cargo runs the programs one after another.
//!
//! Rule of thumb: a test waits for a condition ([`wait_until`]), never for a time to pass, unless the time is
//! its subject.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "only tests use this crate, and a panic is how they fail")]

mod cgroup;
mod configuration;
mod daemon;
mod database;
mod disk;
mod documents;
mod exactly_once;
mod far_machine;
mod haproxy;
mod http;
mod launch;
mod load;
mod log_books;
mod log_lines;
mod metrics;
mod npm;
mod other_tasks;
mod pair;
mod patience;
mod pictures;
mod postgres_programs;
mod postgres_server;
mod programs;
mod prometheus;
pub mod pypi;
mod service;
mod stage;
mod targets;
mod tools;
mod watch;

pub use cgroup::Cgroup;
pub use configuration::Configuration;
pub use daemon::Daemon;
pub use database::Database;
pub use disk::{Disk, Frozen, LoopDisk};
pub use documents::{DocumentedQuery, documented_queries, documents};
pub use exactly_once::assert_exactly_once;
pub use far_machine::{CutCable, FarMachine};
pub use haproxy::Haproxy;
pub use http::{
    Answer, Failure, HttpConnection, HttpRequest, WaitingCalls, assert_is_refusal, get_url, path_with_query,
};
pub use launch::Launch;
pub use load::{Load, LoadReply, RunningLoad, Shot, ShotOutcome, percentile};
pub use log_books::LogBooks;
pub use log_lines::{LogLine, count_by, read_log_lines};
pub use metrics::Metrics;
pub use npm::npm_packages;
pub use pair::{Pair, Places};
pub use patience::{alone, wait_until};
pub use pictures::{Picture, copy_model, model_folder, pictures};
pub use postgres_programs::{as_postgres, give_to_server};
pub use postgres_server::PostgresServer;
pub use programs::{build_services, cargo, demo_program, program, root, target_folder};
pub use prometheus::Prometheus;
pub use rustix::process::Signal;
pub use service::Service;
pub use stage::{AN_HOUR_AGO, Stage};
pub use targets::Targets;
pub use tools::{free_address, shipped_tools, skip, skip_without, skip_without_shipped, tool};
pub use watch::{BooksWatch, Watched};
