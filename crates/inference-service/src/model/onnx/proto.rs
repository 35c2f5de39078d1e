//! The messages of an ONNX file. The bytes of a tensor are not copied; they point into the file's.
#![allow(clippy::all, clippy::pedantic, clippy::restriction, missing_docs, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/onnx.rs"));
