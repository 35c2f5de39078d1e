//! What came out, where people read it: the section of docs/performance.md, and its plots.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::contender::RequestBody;
use super::rates::{RateLatencies, SIDES};
use super::report::ServingFindings;
use crate::load_result::LoadResult;
use crate::plot::{PlotPanel, bars, panels};
use crate::section::{caption, write_section};

const PAGE: &str = "performance.md";
const COMMAND: &str = "cargo xtask bench serve";
const SPEEDS: &str = "serving-throughput.svg";
const LATENCIES: &str = "serving-latency.svg";

/// Writes into a folder of documents: the plots of what was measured, and the section between the marks of the page.
///
/// # Errors
/// Where a file cannot be written, or the page has no marks.
pub(super) fn write(folder: &Path, findings: &ServingFindings, page: &str, seconds: f64) -> Result<()> {
    let caption = caption(COMMAND, seconds)?;
    let mut section = format!("{caption}\n\n{page}");
    if let Some(throughput) = &findings.throughput {
        let title = "Predictions a second, cifar10, 2 inference threads";
        fs::write(folder.join(SPEEDS), bars(title, &caption, &throughput.speeds()))?;
        section.push_str(&format!("\n\n![{title}]({SPEEDS})"));
    }
    if !findings.rates.is_empty() {
        let title = "Latency by rate: median and 99th percentile, from the moment at which a request was due";
        let shown = [RequestBody::Json, RequestBody::Jpeg].map(|body| panel(body, &findings.rates));
        fs::write(folder.join(LATENCIES), panels(title, &caption, &shown))?;
        section.push_str(&format!("\n\n![{title}]({LATENCIES})"));
    }
    write_section(&folder.join(PAGE), COMMAND, &section)
}

fn panel(body: RequestBody, rates: &[RateLatencies]) -> PlotPanel {
    let curves = SIDES.iter().enumerate().flat_map(|(side, who)| {
        [(0.5, "p50"), (0.99, "p99")].map(|(part, name)| {
            let point = |rate: &RateLatencies| (rate.per_second, 1e3 * LoadResult::quantile(&rate.floods[side], part));
            let points = rates.iter().filter(|rate| rate.body == body).map(point).collect();
            (format!("{who}, {name}"), points)
        })
    });
    PlotPanel { title: body.to_string(), across: "requests a second", curves: curves.collect() }
}
