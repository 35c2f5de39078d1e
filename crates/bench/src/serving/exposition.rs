//! How long a scrape of many series takes.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

use super::engines::LoadedRuntime;
use super::stage::shipped;
use crate::connection::BlockingConnection;
use crate::disturbance::MeasuredTurns;
use crate::load_result::LoadResult;
use crate::scratch::ScratchFolder;

const MODEL: &str = "surface";
/// With so many copies of a model there are more than enough series.
const COPIES: usize = 30;
const SCRAPES: usize = 300;

/// A page, and how long it took.
pub(super) struct ScrapeTimes {
    /// Lines with a value.
    pub(super) series: usize,
    /// Of the page.
    pub(super) bytes: usize,
    /// Of each scrape.
    pub(super) scrapes: LoadResult,
}

/// Serves many models, and scrapes them over HTTP.
///
/// # Errors
/// Where the service does not work.
pub(super) fn measure(
    runtime: &LoadedRuntime,
    scratch: &ScratchFolder,
    turns: &mut MeasuredTurns,
) -> Result<ScrapeTimes> {
    let folder = scratch.path("many-models");
    for number in 0..COPIES {
        let (from, to) = (shipped().join(MODEL), folder.join(format!("{MODEL}-{number}")));
        fs::create_dir_all(to.join("1"))?;
        for file in ["model.toml", "labels.txt", "1/model.onnx"] {
            fs::copy(from.join(file), to.join(file)).with_context(|| format!("{MODEL}/{file} cannot be copied"))?;
        }
    }
    let service = runtime.serve(&folder, scratch, &[])?;
    let mut connection = BlockingConnection::to(service.address)?;
    let page = connection.get("/metrics")?;
    let is_series = |line: &&[u8]| !line.is_empty() && !line.starts_with(b"#");
    let series = page.split(|byte| *byte == b'\n').filter(is_series).count();
    let scrapes = turns.take(|| {
        let mut latencies = Vec::new();
        for _ in 0..SCRAPES {
            let before = Instant::now();
            connection.get("/metrics")?;
            latencies.push(before.elapsed().as_secs_f64());
        }
        latencies.sort_unstable_by(f64::total_cmp);
        Ok(LoadResult { answered: SCRAPES, latencies, ..LoadResult::default() })
    })?;
    drop(connection);
    service.stop()?;
    Ok(ScrapeTimes { series, bytes: page.len(), scrapes })
}
