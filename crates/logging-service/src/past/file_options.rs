//! The files that a command reads.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::cell_text::MissingWords;
use crate::tables::{TableFormat, TableOptions, TableReader, open_table};

/// The files that a command reads, and how.
#[derive(Args, Clone, Debug)]
pub(super) struct FileOptions {
    /// Files: CSV with a header, NDJSON, either packed with gzip or not, and Parquet.
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,

    /// The format of the files, where their names do not end in .csv, .tsv, .ndjson, .jsonl or .parquet.
    #[arg(long, value_enum)]
    format: Option<TableFormat>,

    /// The character between the cells of a CSV file, if it is no comma.
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,

    /// Texts that stand for no value in a CSV file, instead of those of pandas (NA, NaN, null, None …); an empty cell
    /// always does.
    #[arg(long, value_name = "TEXTS", value_delimiter = ',', allow_negative_numbers = true)]
    missing: Option<Vec<String>>,
}

impl FileOptions {
    /// Opens one of the files.
    pub(super) fn open(&self, file: &Path) -> anyhow::Result<Box<dyn TableReader>> {
        let options = TableOptions { format: self.format, delimiter: self.delimiter };
        open_table(file, options).with_context(|| file.display().to_string())
    }

    pub(super) fn missing_words(&self) -> MissingWords {
        MissingWords::new(self.missing.clone())
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err("expected one character such as ; or \\t".to_owned()),
    }
}
