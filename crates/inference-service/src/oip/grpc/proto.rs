//! The protocol's messages, and the description of them that reflection gives out.
#![allow(clippy::all, clippy::pedantic, clippy::restriction, missing_docs, unreachable_pub)]

tonic::include_proto!("inference");

/// The files of `proto/`, compiled.
pub(super) const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inference.bin"));
