//! `logging-service report`: the report of a model as a file.
//!
//! Rule of thumb: the file is that of `GET /ui/report`, from the same questions.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use pages::Query;

use crate::pages::report;
use crate::report_options::ReportOptions;
use crate::store::Store;

/// Writes the report.
///
/// # Errors
/// The database cannot be asked, the range cannot be read, or the file cannot be written.
pub(crate) fn run(options: &ReportOptions, store: &Store) -> anyhow::Result<ExitCode> {
    let asked = Query::default()
        .with_some("window", options.window.as_deref())
        .with_some("since", options.since.as_deref())
        .with_some("until", options.until.as_deref());
    let uri = format!("/{asked}").parse().context("the model or the range is too long")?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let file = runtime.block_on(async {
        let file = report::file(store, &options.model, &uri).await;
        store.close().await;
        file
    });
    let file = file.map_err(|refusal| anyhow!(refusal.message))?;
    match &options.to {
        Some(path) => std::fs::write(path, file).with_context(|| format!("writing {}", path.display()))?,
        None => std::io::stdout().lock().write_all(file.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
