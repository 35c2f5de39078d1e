//! Proves that the dashboards are whole and that they show something: each file is what Grafana takes, and every
//! query of every panel and variable has data in a real Prometheus that scrapes the real services by the shipped
//! configuration: on a healthy system without traffic, on one with traffic, and on one with every fault that can be
//! made here.
//!
//! Grafana itself does not run here, nor does Loki: what Loki is asked for is held against real log lines elsewhere.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod dashboard;
mod live;
mod provisioning;
mod queries;
mod structure;
mod traffic;
