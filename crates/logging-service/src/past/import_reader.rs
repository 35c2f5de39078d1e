//! Reads files into batches, beside the task that stores them.
//!
//! Rule of thumb: no more than a few batches wait, so what is held does not grow with the files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use prediction_record::PredictionRecord;
use serde_json::Value;
use terminal::warn;
use tokio::sync::mpsc;

use super::declaration_file;
use super::import_columns::{ImportColumns, ImportRole};
use super::import_options::ImportOptions;
use super::import_row::{ImportFile, ImportItem, RowImporter};
use super::refused_rows::RefusedRow;
use super::row_identity::RowIdentity;
use crate::tables::{TableError, TableReader, TableRow};

/// Most rows of a batch.
const BATCH_ROWS: u64 = 500;
/// A batch of so many bytes is sent early, because some rows carry many.
const BATCH_BYTES: usize = 1024 * 1024;

/// Something of a row on its way into the log.
#[derive(Clone, Debug)]
pub(super) struct ImportedRow<T> {
    pub(super) row: u64,
    pub(super) item: T,
}

/// Rows of one file.
#[derive(Debug, Default)]
pub(super) struct ImportBatch {
    pub(super) file: PathBuf,
    /// Rows that were read for it, those that are refused among them.
    pub(super) rows: u64,
    pub(super) records: Vec<ImportedRow<PredictionRecord>>,
    pub(super) labels: Vec<ImportedRow<Value>>,
    pub(super) refused: Vec<RefusedRow>,
    /// How much of the file was read, from 0 to 1.
    pub(super) share: f64,
}

/// Reads all files. Ends early, and without an error, where nobody takes the batches any more.
///
/// # Errors
/// A file cannot be read on, or has columns that are not known.
pub(super) fn read_files(options: &ImportOptions, batches: &mpsc::Sender<ImportBatch>) -> anyhow::Result<()> {
    let declaration = options.declaration.as_deref().map(declaration_file::read).transpose()?.unwrap_or_default();
    let mut importer = RowImporter::new(options, ImportColumns::new(options, declaration));
    for file in &options.input.files {
        let mut table = options.input.open(file)?;
        let identity = RowIdentity::new(file);
        let mut import = ImportFile { identity, roles: Vec::new(), is_sparse: !table.has_header() };
        importer.meet(&mut import, table.columns());
        if table.has_header() {
            check_columns(options, &import, table.columns()).with_context(|| file.display().to_string())?;
        }
        let mut reading = FileReading { importer: &mut importer, import, file, row: TableRow::default() };
        while let Some(batch) = reading.batch(table.as_mut()).with_context(|| file.display().to_string())? {
            if batches.blocking_send(batch).is_err() {
                return Ok(());
            }
        }
    }
    if importer.undeclared > 0 {
        let values = importer.undeclared;
        warn(format_args!("{values} values are left out: they are of features that the declaration does not have"));
    }
    Ok(())
}

/// A file that is being read.
struct FileReading<'r, 'o> {
    importer: &'r mut RowImporter<'o>,
    import: ImportFile,
    file: &'r Path,
    row: TableRow,
}

impl FileReading<'_, '_> {
    /// The next batch; `None` at the end.
    fn batch(&mut self, table: &mut dyn TableReader) -> Result<Option<ImportBatch>, TableError> {
        let mut batch = ImportBatch { file: self.file.to_owned(), ..ImportBatch::default() };
        let mut bytes = 0;
        while batch.rows < BATCH_ROWS && bytes < BATCH_BYTES {
            match table.next_row(&mut self.row) {
                Ok(false) => break,
                Ok(true) => {
                    self.importer.meet(&mut self.import, table.columns());
                    let row = self.row.number;
                    bytes += self.row.text_bytes();
                    match self.importer.item(&mut self.import, table.columns(), &self.row) {
                        Ok(ImportItem { record, label }) => {
                            batch.records.extend(record.map(|item| ImportedRow { row, item }));
                            batch.labels.extend(label.map(|item| ImportedRow { row, item }));
                        }
                        Err(problem) => batch.refused.push(RefusedRow { file: self.file.to_owned(), row, problem }),
                    }
                }
                Err(TableError::Row { row, problem }) => {
                    batch.refused.push(RefusedRow { file: self.file.to_owned(), row, problem });
                }
                Err(problem) => return Err(problem),
            }
            batch.rows += 1;
        }
        batch.share = table.share();
        Ok((batch.rows > 0).then_some(batch))
    }
}

/// Refuses a table with columns that mean nothing, and one without those that were asked for.
fn check_columns(options: &ImportOptions, import: &ImportFile, columns: &[String]) -> anyhow::Result<()> {
    let unknown = columns.iter().zip(&import.roles).filter(|(_, role)| **role == ImportRole::Unknown);
    let unknown: Vec<&str> = unknown.map(|(column, _)| column.as_str()).take(20).collect();
    if !unknown.is_empty() {
        let list = unknown.join(",");
        bail!(
            "columns that are no field of ours: {list}. --map {}=FIELD says what one stands for, --features {list} makes them \
             features, --without {list} leaves them out",
            unknown[0]
        );
    }
    let ImportOptions { truth, map, features, tags, key, .. } = options;
    let mapped = map.iter().map(|mapping| &mapping.column);
    let mut asked = features.iter().chain(tags).chain(key).chain(truth).chain(mapped);
    if let Some(absent) = asked.find(|name| !columns.contains(name)) {
        bail!("there is no column {absent}; it has {}", columns.join(", "));
    }
    Ok(())
}
