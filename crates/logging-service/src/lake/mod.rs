//! The lake: predictions of closed days as Parquet files in a folder or a bucket, where they may stay for ever.
//!
//! A day is closed some days after its end. Then `day_writer` writes its rows, and the books in the
//! database (`store/lake_books.rs`) say how far each day is in the lake. Only what is there may be deleted by retention.
//!
//! Rule of thumb: a row is in the database, or in a file that a manifest names, or in both; the books say which, and every
//! step leaves them true.

mod cold_day;
pub(crate) mod command;
mod day_writer;
mod erased_days;
mod file_rows;
mod file_writer;
mod kept_rows;
mod lake_object;
mod lake_table;
mod layout;
mod log_pages;
mod manifest;
mod object_lake;
mod options;
mod turn;
mod url;

pub use command::LakeCommand;
pub use url::{LakeUrl, LakeUrlError};

pub(crate) use log_pages::LogPages;
pub(crate) use object_lake::LakeError;
pub(crate) use options::LakeOptions;
pub(crate) use turn::{Lake, LakeTurn};

#[cfg(test)]
mod tests;
