//! The questions that can be asked: `GET /predictions`, `/predictions/{event_id}`, `/stats`, `/export`, `/drift`,
//! `/quality`, `/drift/reference` and `/models`.
//!
//! Rule of thumb: an unknown parameter is refused, because the caller expects it to filter.

mod contradiction;
pub(crate) mod drift;
pub(crate) mod export;
mod intervals;
pub(crate) mod model_window;
pub(crate) mod models;
pub(crate) mod parameters;
pub(crate) mod predictions;
pub(crate) mod quality;
pub(crate) mod references;
pub(crate) mod stats;
pub(crate) mod window_query;
