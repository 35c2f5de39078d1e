//! What `import` is asked for.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use prediction_record::Task;

use super::cell_time::flag_time;
use super::file_options::FileOptions;
use super::profile_options::task;
use super::service_options::ServiceOptions;

/// Brings predictions and labels out of files into the log, each of them once.
#[derive(Args, Clone, Debug)]
pub struct ImportOptions {
    #[command(flatten)]
    pub(super) input: FileOptions,

    /// The rows are true labels, and not predictions.
    #[arg(long, conflicts_with_all = ["truth", "features", "tags", "key", "task"])]
    pub(super) labels: bool,

    /// The column with the truth about a row's prediction, which is imported as its label.
    #[arg(long, value_name = "COLUMN")]
    pub(super) truth: Option<String>,

    /// Name of the model, where a row has none.
    #[arg(long)]
    pub(super) model: Option<String>,

    /// Version of the model, where a row has none.
    #[arg(long, value_name = "VERSION")]
    pub(super) model_version: Option<String>,

    /// What the model does, where a row does not say it: classification or regression.
    #[arg(long, value_parser = task)]
    pub(super) task: Option<Task>,

    /// What is declared about the model: its model.toml, or the JSON of PUT /models/{name}. A number as an answer is an
    /// index where it names classes.
    #[arg(long, value_name = "FILE")]
    pub(super) declaration: Option<PathBuf>,

    /// Columns that stand for fields of a record or a label under another name.
    #[arg(long, value_name = "THEIRS=OURS", value_delimiter = ',', value_parser = mapping)]
    pub(super) map: Vec<ColumnMapping>,

    /// Columns that are features; so are columns that are called features.NAME.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(super) features: Vec<String>,

    /// Columns that are tags; so are columns that are called tags.NAME.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(super) tags: Vec<String>,

    /// Columns that are not imported.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(super) without: Vec<String>,

    /// Columns that tell the rows apart. Without them, a row without an event_id is known again by its file's content and
    /// its place in it.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(super) key: Vec<String>,

    /// The time of rows that have none.
    #[arg(long, value_name = "TIME", value_parser = flag_time)]
    pub(super) at: Option<Timestamp>,

    /// A file for the rows that are refused, a line of JSON for each.
    #[arg(long, value_name = "FILE")]
    pub(super) refused: Option<PathBuf>,

    /// Writes into the database at once, beside a service that may be running.
    #[arg(long, conflicts_with = "to")]
    pub(super) into_database: bool,

    #[command(flatten)]
    pub(super) service: ServiceOptions,
}

/// A column, and the field that it stands for.
#[derive(Clone, Debug)]
pub(super) struct ColumnMapping {
    pub(super) column: String,
    pub(super) field: String,
}

fn mapping(text: &str) -> Result<ColumnMapping, String> {
    let (column, field) = text.rsplit_once('=').ok_or("expected THEIRS=OURS, such as predicted=label")?;
    Ok(ColumnMapping { column: column.to_owned(), field: field.to_owned() })
}
