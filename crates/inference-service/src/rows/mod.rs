//! Rows of a table: from what a client sends, by the names of a model's features, to what the model takes.
//!
//! Rule of thumb: each form of a table has a file that walks through its cells. Whether a cell is right is decided in
//! [`RowReader`](reader::RowReader), once for all of them, and one bad row refuses the whole request.

mod arrow;
mod columnar;
mod csv;
mod file_fault;
mod json;
mod no_numbers;
mod parquet;
mod reader;
mod recorded;
mod refusal;
mod unpack_budget;

pub(crate) use self::parquet::{PARQUET_MAGIC, read_parquet};
pub(crate) use arrow::{ARROW_MAGIC, read_arrow};
pub(crate) use csv::read_csv;
pub(crate) use json::{JsonCell, read_json};
pub(crate) use no_numbers::{no_number_in_rows, without_no_numbers};
pub(crate) use reader::{FeatureRows, RowCell, RowLimits, RowTarget};
pub(crate) use recorded::RecordedFeatures;
