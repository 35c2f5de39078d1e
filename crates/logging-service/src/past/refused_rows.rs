//! The rows that are not imported, and why.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use terminal::warn;

/// Rows that are told on standard error; a file has them all.
const TOLD: u64 = 20;

/// A row that is not imported.
#[derive(Debug)]
pub(super) struct RefusedRow {
    pub(super) file: PathBuf,
    pub(super) row: u64,
    pub(super) problem: String,
}

/// Tells the refused rows, and writes them down.
pub(super) struct RefusedRows {
    file: Option<BufWriter<File>>,
    pub(super) count: u64,
}

impl RefusedRows {
    /// Writes them to this file, if there is one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn new(file: Option<&Path>) -> anyhow::Result<Self> {
        let create = |path: &Path| File::create(path).with_context(|| format!("--refused {}", path.display()));
        Ok(Self { file: file.map(create).transpose()?.map(BufWriter::new), count: 0 })
    }

    /// Takes a row.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn take(&mut self, refused: &RefusedRow) -> anyhow::Result<()> {
        self.count += 1;
        let RefusedRow { file, row, problem } = refused;
        if self.count <= TOLD {
            warn(format_args!("{}: row {row} is refused: {problem}", file.display()));
        } else if self.count == TOLD + 1 {
            let rest = if self.file.is_some() { "the rest is in the file" } else { "--refused FILE has them all" };
            warn(format_args!("… and more; {rest}"));
        }
        if let Some(out) = &mut self.file {
            writeln!(out, "{}", json!({ "file": file, "row": row, "problem": problem })).context("--refused")?;
        }
        Ok(())
    }

    /// Everything is in the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.file.as_mut().map_or(Ok(()), std::io::Write::flush).context("--refused")
    }
}
