//! The dialects of other servers whose clients people have: MLflow's and SageMaker's `POST /invocations`, and
//! `POST /v1/models/{model}:predict` of TensorFlow Serving, KServe and Vertex AI.
//!
//! One request's way: `invocations` or `v1` → `members` (or `csv`) → `asked` → `predict` → `told`.
//!
//! Rule of thumb: a dialect is another way to ask the same models. How it writes a tensor and an answer is its own; checks,
//! queue, metrics and records are those of `POST /predict`.

mod asked;
mod bounded_list;
mod csv;
mod csv_cell;
pub(crate) mod invocations;
mod members;
mod number_cells;

mod nested;
mod refusal;
mod table;
mod told;
pub(crate) mod v1;

use monitoring::Routes;

use crate::app::App;

/// The routes of all dialects.
pub(crate) fn routes() -> Routes<App> {
    invocations::routes().merge(v1::routes())
}
