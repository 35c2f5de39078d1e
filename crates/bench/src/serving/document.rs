//! What came out, where people read it: the section of docs/performance.md, and its plots.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::contender::RequestBody;
use super::rates::{RateLatencies, SIDES};
use super::report::ServingFindings;
use crate::load_result::LoadResult;
use crate::plot::{PlotPanel, bars, panels};

const PAGE: &str = "performance.md";
const BEGIN: &str = "<!-- cargo xtask bench serve --write: begin -->";
const END: &str = "<!-- cargo xtask bench serve --write: end -->";
const SPEEDS: &str = "serving-throughput.svg";
const LATENCIES: &str = "serving-latency.svg";

/// Writes into a folder of documents: the plots of what was measured, and the section between the marks of the page.
///
/// # Errors
/// Where a file cannot be written, or the page has no marks.
pub(super) fn write(folder: &Path, findings: &ServingFindings, page: &str, seconds: f64) -> Result<()> {
    let caption = caption(seconds)?;
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
    let path = folder.join(PAGE);
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let text = replaced(&text, &section).with_context(|| format!("{} has no marks", path.display()))?;
    Ok(fs::write(&path, text)?)
}

/// The text with another section between its marks.
fn replaced(text: &str, section: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{section}\n{END}{after}"))
}

/// Machine, date and command.
fn caption(seconds: f64) -> Result<String> {
    let processor = fs::read_to_string("/proc/cpuinfo")?;
    let model = processor.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let cores = std::thread::available_parallelism()?;
    let day = Timestamp::now().strftime("%Y-%m-%d");
    let minutes = seconds / 60.0;
    let model = model.unwrap_or(std::env::consts::ARCH);
    Ok(format!("{model}, {cores} cores, {day}, cargo xtask bench serve ({minutes:.0} minutes)"))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = |section| format!("# Title\n{BEGIN}\n{section}\n{END}\nthe rest\n");
        assert_eq!(replaced(&page("old\nlines"), "new").unwrap(), page("new"));
        assert!(replaced("no marks", "new").is_none());
        assert!(replaced(&format!("{BEGIN} only one"), "new").is_none());
    }
}
