//! The service as its clients see it: what goes in over HTTP, and what comes out as answer, metric and log line.
//!
//! Rule of thumb: a test that needs the log runs the binary in a process of its own; the others serve in this one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod administration;
mod answers;
mod check;
mod collector;
mod connections;
#[path = "../../../monitoring/tests/description/mod.rs"]
mod description;
mod empty_tensors;
mod encodings;
mod endpoints;
mod engines;
mod exported;
mod grpc;
mod grpc_spans;
mod interruptions;
mod joined;
mod keys;
mod layouts;
mod limits;
mod logged;
mod metrics;
mod oip;
mod onnx;
mod openapi;
mod optional_inputs;
mod optional_members;
mod pictures;
mod process;
mod profiles;
mod providers;
mod queue;
mod raw;
mod refusal_rows;
mod refusals;
mod reload;
mod reload_files;
mod reload_weights;
mod repository;
mod row;
mod rows;
mod schema;
mod scores;
mod sent;
mod service;
mod spool;
mod statistics;
mod tensors;
mod tensors_as_json;
mod traces;
mod whose_fault;
mod windows;
