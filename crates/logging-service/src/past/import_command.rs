//! `logging-service import`: predictions and labels out of files.
//!
//! Rule of thumb: a batch may be sent any number of times and is stored once, so a command that was killed is run again.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use terminal::{say, warn};
use tokio::sync::mpsc;

use super::import_options::ImportOptions;
use super::import_reader::{ImportBatch, ImportedRow, read_files};
use super::import_target::{ImportTarget, RowsOutcome, StoredRows};
use super::progress::CommandProgress;
use super::refused_rows::{RefusedRow, RefusedRows};
use crate::store::DatabaseUrl;

/// Batches that wait to be stored.
const WAITING_BATCHES: usize = 2;
/// The exit code where all is stored but the rows that were refused.
const SOME_REFUSED: u8 = 3;

/// Imports the files. The exit code is 3 where rows were refused.
///
/// # Errors
/// What kept it from coming to the end.
pub(crate) fn import(options: &ImportOptions, database: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    if options.input.files.is_empty() {
        bail!("name the files");
    }
    if !options.into_database && options.service.to.is_none() {
        bail!("say where to: --to http://127.0.0.1:8001 for a running service, or --into-database");
    }
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let (batches, waiting) = mpsc::channel(WAITING_BATCHES);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_files(options, &batches));
        let stored = runtime.block_on(store(options, database, waiting));
        let read = reader.join().map_err(|_| anyhow!("reading stopped early"))?;
        match (read, stored) {
            (Ok(()), stored) => stored.map(|sum| sum.told()),
            // What was wrong with a file comes first: it is why there was no more to store.
            (Err(problem), Ok(sum)) if sum.rows > 0 => Err(problem.context(format!("before the end, {sum}"))),
            (Err(problem), _) => Err(problem),
        }
    })
}

async fn store(
    options: &ImportOptions,
    database: &DatabaseUrl,
    mut waiting: mpsc::Receiver<ImportBatch>,
) -> anyhow::Result<ImportSum> {
    let mut import = RunningImport {
        target: ImportTarget::open(&options.service, database).await?,
        refused: RefusedRows::new(options.refused.as_deref())?,
        records: StoredRows::default(),
        labels: StoredRows::default(),
    };
    let mut progress = CommandProgress::begin();
    while let Some(batch) = waiting.recv().await {
        let (rows, share, file) = (batch.rows, batch.share, batch.file.clone());
        import.take(batch).await?;
        progress.advance(rows, || format!("{}: {:.0} %", file.display(), 100.0 * share));
    }
    if progress.rows() > 0 {
        warn(format_args!("{} rows read, {:.0} a second", progress.rows(), progress.rate()));
    }
    import.finish(progress.rows()).await
}

/// What became of all rows.
struct ImportSum {
    rows: u64,
    records: StoredRows,
    labels: StoredRows,
    refused: u64,
}

impl ImportSum {
    /// Says so.
    fn told(&self) -> ExitCode {
        say(self);
        if self.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) }
    }
}

impl fmt::Display for ImportSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, labels, refused, .. } = self;
        let words = |stored: &StoredRows| format!("{} accepted, {} duplicates", stored.accepted, stored.duplicates);
        write!(f, "predictions: {}; labels: {}; {refused} rows refused", words(records), words(labels))
    }
}

/// An import under way.
struct RunningImport {
    target: ImportTarget,
    refused: RefusedRows,
    records: StoredRows,
    labels: StoredRows,
}

impl RunningImport {
    /// Stores a batch: the predictions first, so that their labels find them.
    async fn take(&mut self, batch: ImportBatch) -> anyhow::Result<()> {
        for refused in &batch.refused {
            self.refused.take(refused)?;
        }
        let ImportBatch { file, records, labels, .. } = batch;
        let (target, refused) = (&self.target, &mut self.refused);
        let stored = store_rows(records, &file, refused, async |records| target.records(records).await).await?;
        self.records.add(stored);
        let stored = store_rows(labels, &file, refused, async |labels| target.labels(labels).await).await?;
        self.labels.add(stored);
        Ok(())
    }

    async fn finish(mut self, rows: u64) -> anyhow::Result<ImportSum> {
        self.target.close().await;
        self.refused.finish()?;
        Ok(ImportSum { rows, records: self.records, labels: self.labels, refused: self.refused.count })
    }
}

/// Stores rows. Where one of them is refused, halving finds it, and the others get through.
async fn store_rows<T: Clone>(
    rows: Vec<ImportedRow<T>>,
    file: &Path,
    refused: &mut RefusedRows,
    send: impl AsyncFn(&[T]) -> anyhow::Result<RowsOutcome>,
) -> anyhow::Result<StoredRows> {
    let mut sum = StoredRows::default();
    let mut stack = vec![rows];
    while let Some(mut rows) = stack.pop() {
        if rows.is_empty() {
            continue;
        }
        let items: Vec<T> = rows.iter().map(|row| row.item.clone()).collect();
        match (send(&items).await?, rows.as_slice()) {
            (RowsOutcome::Stored(stored), _) => sum.add(stored),
            (RowsOutcome::Refused(problem), [only]) => {
                refused.take(&RefusedRow { file: file.to_owned(), row: only.row, problem })?;
            }
            (RowsOutcome::Refused(_), _) => {
                stack.push(rows.split_off(rows.len() / 2));
                stack.push(rows);
            }
        }
    }
    Ok(sum)
}
