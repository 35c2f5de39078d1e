//! Proves that what lies under `deploy/kubernetes` fits together and fits the services: kustomize builds it, the
//! schemas of Kubernetes take it, names meet their counterparts, and the programs know every variable and answer
//! every probe.
//!
//! Rule of thumb: what must hold holds for the base and for every overlay, so a test looks at all of them.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod adapter;
mod files;
mod generated;
mod image;
mod kserve;
mod monitors;
mod network;
mod objects;
mod schemas;
mod services;
mod wiring;
