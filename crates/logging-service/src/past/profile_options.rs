//! What `profile` is asked for.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use prediction_record::Task;

use super::cell_time::flag_time;
use super::file_options::FileOptions;
use super::service_options::ServiceOptions;

/// Makes a reference profile of training data, of scored data or of a range of the log.
#[derive(Args, Clone, Debug)]
pub struct ProfileOptions {
    #[command(flatten)]
    pub(super) input: FileOptions,

    /// Name of the model.
    #[arg(long)]
    pub(super) model: String,

    /// SHA-256 of the model's file, which the reference is then of; left out: of any file of that name.
    #[arg(long, value_name = "SHA256")]
    pub(super) sha256: Option<String>,

    /// What is declared about the model: its model.toml, or the JSON of PUT /models/{name}. Its features are those that
    /// are counted, and a number as an answer is an index where it names classes.
    #[arg(long, value_name = "FILE")]
    pub(super) declaration: Option<PathBuf>,

    /// The columns that are features; left out: those that are declared, or else all that have no other meaning.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(super) features: Vec<String>,

    /// Columns that are no features.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(super) without: Vec<String>,

    /// Columns whose values are names even if they read like numbers.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(super) category: Vec<String>,

    /// The column with the model's answer: a class or a number.
    #[arg(long, value_name = "COLUMN")]
    pub(super) prediction: Option<String>,

    /// The column with the probability of the predicted class.
    #[arg(long, value_name = "COLUMN", requires = "prediction")]
    pub(super) confidence: Option<String>,

    /// The column with the truth.
    #[arg(long, value_name = "COLUMN", requires = "prediction")]
    pub(super) label: Option<String>,

    /// Which of two classes is the positive one; the features are then held against its probability.
    #[arg(long, value_name = "CLASS", conflicts_with_all = ["since", "until"])]
    pub(super) positive: Option<String>,

    /// What the model does: classification or regression; needed where its answers are whole numbers.
    #[arg(long, value_parser = task)]
    pub(super) task: Option<Task>,

    /// Counts the log instead of files, from this time on.
    #[arg(long, value_name = "TIME", value_parser = flag_time, conflicts_with = "files")]
    pub(super) since: Option<Timestamp>,

    /// Counts the log instead of files, until this time, which is not part of it.
    #[arg(long, value_name = "TIME", value_parser = flag_time, conflicts_with = "files")]
    pub(super) until: Option<Timestamp>,

    /// The file that the profile is written to; - for standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,

    /// Makes it the reference in the database at once, beside a service that may be running.
    #[arg(long, conflicts_with_all = ["to", "output"])]
    pub(super) into_database: bool,

    #[command(flatten)]
    pub(super) service: ServiceOptions,
}

/// Parses a task.
pub(super) fn task(word: &str) -> Result<Task, String> {
    let known = [Task::Classification, Task::Regression];
    known
        .into_iter()
        .find(|task| task.as_str() == word)
        .ok_or_else(|| "expected classification or regression".to_owned())
}
