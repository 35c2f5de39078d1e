//! `logging-service erase`: what belongs to a request or a tag goes, wherever it is.
//!
//! Rule of thumb: the erasure is in the books before anything goes, so a command that is killed has still been given.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use prediction_record::Tags;

use crate::erasure;
use crate::lake::Lake;
use crate::store::Store;
use crate::store::erasures::{self, Erasure, ErasureStage};
use crate::store::time::floor_microseconds;

/// The time between two looks whether a running service has gone on.
const PAUSE: Duration = Duration::from_millis(200);

/// Which predictions are erased: those of the request, with all of the tags.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = true)]
pub struct EraseOptions {
    /// The request.
    #[arg(long, value_parser = some_text)]
    request_id: Option<String>,

    /// A tag and its value, such as customer=4711; may be given several times.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
}

/// Erases, and says how much.
///
/// # Errors
/// The database or the lake cannot be asked; another run, or the service, goes on with the erasure.
pub(crate) fn run(options: &EraseOptions, lake: Option<&Lake>, store: &Store) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let outcome = erase(options, lake, store).await;
        store.close().await;
        outcome
    })
}

async fn erase(options: &EraseOptions, lake: Option<&Lake>, store: &Store) -> anyhow::Result<ExitCode> {
    let request_id = options.request_id.clone().unwrap_or_default();
    let tags: Tags = options.tags.iter().cloned().collect();
    let now = floor_microseconds(Timestamp::now());
    let id = store.write(0, move |transaction| erasures::enter(transaction, &request_id, &tags, now)).await?;
    let mut out = std::io::stdout().lock();
    let mut is_told = false;
    loop {
        let elsewhere = erasure::go_on(store, lake).await.context("the erasure is in the books, and not done")?;
        let known = store.read(move |session| erasures::erasure(session, id)).await?;
        let Some(Erasure { stage, in_database, in_lake, .. }) = known else {
            anyhow::bail!("the erasure {id} is not in the books any more");
        };
        if stage == ErasureStage::Done {
            let [predictions, labels] = in_database;
            writeln!(out, "{predictions} predictions and {labels} labels erased in the database")?;
            let [predictions, labels] = in_lake;
            writeln!(out, "{predictions} predictions and {labels} labels erased in the lake")?;
            return Ok(ExitCode::SUCCESS);
        }
        if elsewhere.is_some() && !is_told {
            writeln!(out, "the running service keeps the lake and goes on with it; this command waits")?;
            is_told = true;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn some_text(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| "expected KEY=VALUE".to_owned())?;
    if key.is_empty() { Err("expected KEY=VALUE".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}
