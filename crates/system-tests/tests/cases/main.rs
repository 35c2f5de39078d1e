//! Models, pictures and bodies that once got a wrong answer or none, each with what is right.
//!
//! Rule of thumb: what is right is what Python's ONNX Runtime says of the file, and what Pillow sees in a picture. Either
//! engine gives that answer, or refuses the model when it is loaded. The files are in `../shared/cases` beside the
//! workspace; `GLASSHOUSE_SHARED` names another place.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod batches;
mod bodies;
mod models;
mod pictures;
mod shelf;
