//! `cargo xtask bench against PROGRAM`: how fast the service is beside another build of it, such as an earlier one.
//!
//! Rule of thumb: the two have many short turns, one after the other, so that what else the machine does befalls both alike;
//! what counts is the median of the ratios of the pairs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use terminal::say;

use super::contender::{ContenderKind, RequestBody, TurnLoad};
use super::engines::{self, LoadedRuntime};
use super::item::ServedItem;
use super::models::copy_shipped;
use crate::connection::{self, BlockingConnection};
use crate::disturbance::MeasuredTurns;
use crate::load_result::LoadResult;
use crate::program::ServiceProgram;
use crate::python_model;
use crate::scratch::ScratchFolder;
use crate::table::{median, print, quantile, thousands, verdict};

/// Models that take pictures, each with one of the repository.
const PICTURES: [(&str, &str); 2] =
    [("cifar10", "deploy/models/cifar10/examples/cat.jpg"), ("surface", "deploy/models/surface/examples/scratch.png")];
/// A model that takes no time, so that everything else of a request shows: it doubles 16 numbers.
const TINY: &str = "double";
const CONNECTIONS: [usize; 2] = [1, 16];
/// The part of the other's speed that is wanted.
const LEAST: f64 = 0.97;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct AgainstOptions {
    /// The other build: a file `inference-service`.
    program: PathBuf,
    /// Turns of each of the two.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Milliseconds of a turn.
    #[arg(long, value_name = "MS", default_value_t = 700, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    turn_ms: u64,
}

/// A service and what is asked of it.
struct AskedService<'a> {
    load: TurnLoad<'a>,
    floods: Vec<LoadResult>,
}

impl<'a> AskedService<'a> {
    fn new(service: &'a ServiceProgram, request: &[u8]) -> Self {
        Self { load: TurnLoad::requests(service.address, request.to_vec(), Some(service)), floods: Vec::new() }
    }
}

/// Measures both in turns, with each engine that can be had, and prints the table.
///
/// # Errors
/// Where something cannot be measured.
pub(crate) fn run(options: &AgainstOptions, scratch: &ScratchFolder) -> Result<()> {
    let mut turns = MeasuredTurns::new(Duration::ZERO)?;
    let folder = scratch.path("against");
    write_models(&folder, scratch)?;
    let mut lines = Vec::new();
    for runtime in engines::runtimes() {
        let serve = |program: &Path| ServiceProgram::inference_by(program, &folder, scratch, &runtime.arguments()?);
        let services = [serve(&options.program)?, serve(&testkit::program("inference-service"))?];
        for (model, request) in requests(&runtime, &folder, &services)? {
            for connections in CONNECTIONS {
                let mut pair = services.each_ref().map(|service| AskedService::new(service, &request));
                take_turns(&mut pair, &mut turns, options, connections)?;
                lines.push(line(&[model, runtime.kind().as_str(), &connections.to_string()], &pair));
            }
        }
        services.into_iter().try_for_each(ServiceProgram::stop)?;
    }
    let least = format!("at least {LEAST}");
    let head =
        ["model", "engine", "connections", "other/s", "this/s", "this / other", "quartiles", "processor time", &least];
    print(&head, &lines);
    say(format_args!("\nOthers took up to {:.0} % of the cores in a turn.", 100.0 * turns.worst()));
    Ok(())
}

/// The models' names and requests; both services have given the same answer to each.
fn requests<'a>(
    runtime: &LoadedRuntime,
    folder: &Path,
    services: &[ServiceProgram; 2],
) -> Result<Vec<(&'a str, Vec<u8>)>> {
    let who = ContenderKind::Service(runtime.kind());
    let mut requests = Vec::new();
    for (model, picture) in PICTURES {
        let item = ServedItem::read(&runtime.load(folder, model)?, picture)?;
        let request = item.request(who, RequestBody::Jpeg)?.context("the service takes JPEG")?;
        for service in services {
            item.check_answer(who, service.address, &request)?;
        }
        requests.push((model, request));
    }
    let numbers: Vec<String> = (0..16).map(|number| number.to_string()).collect();
    let tensor = format!(r#"{{"name":"x","datatype":"FP32","shape":[1,16],"data":[{}]}}"#, numbers.join(","));
    let path = format!("/v2/models/{TINY}/infer");
    let request = connection::post(&path, "application/json", format!(r#"{{"inputs":[{tensor}]}}"#).as_bytes());
    for service in services {
        let answer: serde_json::Value =
            serde_json::from_slice(&BlockingConnection::to(service.address)?.ask(&request)?)?;
        let data = &answer["outputs"][0]["data"];
        ensure!(data[15].as_f64() == Some(30.0), "{} does not double: {answer}", service.address);
    }
    requests.push((TINY, request));
    Ok(requests)
}

fn take_turns(
    pair: &mut [AskedService<'_>; 2],
    turns: &mut MeasuredTurns,
    options: &AgainstOptions,
    connections: usize,
) -> Result<()> {
    let duration = Duration::from_millis(options.turn_ms);
    for service in pair.iter() {
        turns.warm_up(|| service.load.turn(connections, duration))?;
    }
    for round in 0..options.rounds {
        // Whoever is first in one round is second in the next.
        for place in [0, 1] {
            let service = &mut pair[(round as usize + place) % 2];
            let flood = turns.take(|| service.load.turn(connections, duration))?;
            service.floods.push(flood);
        }
    }
    Ok(())
}

fn line(what: &[&str], [other, this]: &[AskedService<'_>; 2]) -> Vec<String> {
    let speed = |service: &AskedService| {
        thousands(median(&service.floods.iter().map(LoadResult::per_second).collect::<Vec<_>>()))
    };
    let pairs = this.floods.iter().zip(&other.floods);
    let speeds: Vec<f64> = pairs.map(|(this, other)| this.per_second() / other.per_second()).collect();
    let ratio = median(&speeds);
    // Of all turns together: Linux counts in hundredths of a second, and a turn has few of them.
    let cost = |service: &AskedService| {
        let used: f64 = service.floods.iter().map(|flood| flood.engine + flood.rest).sum();
        used / service.floods.iter().map(|flood| flood.answered as f64).sum::<f64>()
    };
    let costs = cost(this) / cost(other);
    let quartiles = format!("{:.2} to {:.2}", quantile(&speeds, 0.25), quantile(&speeds, 0.75));
    let cells = what.iter().map(|&cell| cell.to_owned()).chain([speed(other), speed(this), format!("{ratio:.3}")]);
    cells.chain([quartiles, format!("{costs:.3}"), verdict(ratio >= LEAST)]).collect()
}

fn write_models(folder: &Path, scratch: &ScratchFolder) -> Result<()> {
    for (model, _) in PICTURES {
        copy_shipped(model, folder)?;
    }
    let tiny = folder.join(TINY);
    let written = python_model::write_model(&tiny, include_str!("double.py"), "a model that takes no time", scratch)?;
    written.context("the packages that write a model cannot be had")?;
    Ok(fs::write(tiny.join("model.toml"), "task = \"raw\"\n")?)
}
