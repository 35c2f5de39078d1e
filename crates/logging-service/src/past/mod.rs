//! The past, out of files: `profile` makes a reference of data, `import` brings predictions and labels into the log.
//!
//! Rule of thumb: files are read a row at a time, so they may be of any size. What cannot be read is named by its row and
//! column.
//!
//! **Architecture Invariant:** both are commands. The service reads no files of its users.

mod cell_text;
mod cell_time;
mod correlated;
mod declaration_file;
mod feature_column;
mod file_options;
mod import_columns;
mod import_command;
mod import_options;
mod import_reader;
mod import_row;
mod import_target;
mod log_range;
pub(crate) mod own_store;
mod patience;
mod prediction_column;
mod profile_command;
mod profile_counter;
mod profile_options;
mod profile_report;
mod progress;
mod record_fields;
mod refused_rows;
mod row_identity;
mod send_profile;
mod service_client;
mod service_options;

pub(crate) use import_command::import;
pub use import_options::ImportOptions;
pub(crate) use profile_command::profile;
pub use profile_options::ProfileOptions;
