//! Proves that what stands around the code is true: the documents name what is there, the workflow of the build server
//! can be read by it, the dependencies are what deny.toml allows, and the examples for clients work.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod code_names;
mod dependencies;
mod examples;
mod links;
mod manifests;
mod workflow;
