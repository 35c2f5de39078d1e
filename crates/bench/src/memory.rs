//! `cargo xtask bench memory`: what a large model takes of memory, while it is loaded and when it serves.
//!
//! Rule of thumb: the peak of a process never falls, so each number of threads has a service of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, anyhow, ensure};
use inference_service::model::RuntimeKind;

use super::connection;
use super::load_result::LoadResult;
use super::program::{ServiceProgram, peak_megabytes, resident_megabytes};
use super::python_model;
use super::scratch::ScratchFolder;
use super::table::{print, thousands, verdict};
use testkit::pypi;

const MODEL: &str = "products";
/// Numbers of one item.
const ITEM: usize = 2048;
const THREADS: [usize; 3] = [1, 4, 16];
/// How much more than later loading may take at its peak, as a part of the model's file.
const MOST_ABOVE: f64 = 1.5;
/// Requests for each thread, so that all of them have run.
const REQUESTS: usize = 20;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct MemoryOptions {}

/// Starts a service for each engine and number of threads, asks it, and says what it took.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(_options: &MemoryOptions, scratch: &ScratchFolder) -> Result<()> {
    let folder = scratch.path("memory");
    let file = write_model(&folder, scratch)?;
    let megabytes = file.metadata()?.len() as f64 / 1e6;
    let library = pypi::onnxruntime_library().map_err(|problem| anyhow!(problem))?;
    let library = library.to_str().context("the path of a library is not Unicode")?;
    let mut lines = Vec::new();
    for engine in [RuntimeKind::Tract, RuntimeKind::OnnxRuntime] {
        for threads in THREADS {
            let threads_flag = threads.to_string();
            let own = ["--log-url", "", "--threads", &threads_flag];
            let chosen = ["--engine", engine.as_str(), "--onnxruntime-library", library];
            let service = ServiceProgram::inference_of(&folder, scratch, &[own, chosen].concat(), &[])?;
            let peak = peak_megabytes(service.process())?;
            ask(&service, threads)?;
            let later = resident_megabytes(service.process())?;
            let above = (peak - later).max(0.0) / megabytes;
            service.stop()?;
            let numbers = [peak, later].map(thousands);
            let cells = [engine.as_str().to_owned(), threads.to_string()].into_iter().chain(numbers);
            lines.push(cells.chain([format!("{above:.2}"), verdict(above <= MOST_ABOVE)]).collect());
        }
    }
    let file = format!("of the file's {megabytes:.0} MB");
    let most = format!("at most {MOST_ABOVE}");
    print(
        &["engine", "threads", "MB at the peak of loading", "MB when it serves", &format!("above, {file}"), &most],
        &lines,
    );
    Ok(())
}

fn write_model(folder: &Path, scratch: &ScratchFolder) -> Result<PathBuf> {
    let model = folder.join(MODEL);
    let written = python_model::write_model(&model, include_str!("memory.py"), "a large model", scratch)?;
    written.context("the packages that write a model cannot be had")?;
    fs::write(model.join("model.toml"), "task = \"raw\"\n")?;
    Ok(model.join("1/model.onnx"))
}

/// Asks as many at a time as there are threads.
fn ask(service: &ServiceProgram, threads: usize) -> Result<()> {
    let item = vec!["0.5"; ITEM].join(",");
    let body =
        format!("{{\"inputs\":[{{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,{ITEM}],\"data\":[{item}]}}]}}");
    let request = connection::post(&format!("/v2/models/{MODEL}/infer"), "application/json", body.as_bytes());
    let requests = vec![request; REQUESTS * threads];
    let asked = requests.len();
    let result = LoadResult::send_each(service.address, &Rc::new(requests), threads)?;
    ensure!(result.answered == asked, "{} of {asked} were answered", result.answered);
    Ok(())
}
