//! `cargo xtask bench pictures`: how fast pictures become inputs, in colour and in grey, beside Pillow.
//!
//! Rule of thumb: the two take turns on one thread each, and of each the fastest run counts, for what else the machine does
//! only ever adds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use inference_service::input::{ImageLimits, decode};
use inference_service::model::{Colour, InputSpec, Layout, ReadOrientation, ResizeFilter};

use super::scratch::ScratchFolder;
use super::table::{print, verdict};
use testkit::pypi;

const PACKAGES: [pypi::Package; 1] = [("pillow", "13.0.0")];
const FORMATS: [&str; 2] = ["jpg", "png"];
const SIDES: [u32; 2] = [32, 224];
/// Runs of each picture in a round.
const RUNS: usize = 10;
/// How long a grey picture may take, as a part of the same one in colour.
const MOST: f64 = 1.0;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct PictureOptions {
    /// Turns of each.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
}

/// Milliseconds by name and side of the input.
type FastestRuns = BTreeMap<String, f64>;

/// Makes the pictures, decodes and resizes them in turns, and prints the table.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(options: &PictureOptions, scratch: &ScratchFolder) -> Result<()> {
    let python = pypi::python(&PACKAGES, "Pillow").context("Pillow cannot be had")?;
    let folder = scratch.path("pictures");
    fs::create_dir_all(&folder)?;
    let script = folder.join("pictures.py");
    fs::write(&script, include_str!("pictures.py"))?;
    let pillow = |what: &str, more: &[String]| -> Result<Vec<u8>> {
        let output = Command::new(&python).arg(&script).arg(what).arg(&folder).args(more).output()?;
        ensure!(output.status.success(), "Pillow fails: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    pillow("make", &[])?;
    let (mut ours, mut theirs) = (FastestRuns::new(), FastestRuns::new());
    let asked: Vec<String> = [RUNS.to_string()].into_iter().chain(SIDES.iter().map(u32::to_string)).collect();
    for _ in 0..options.rounds {
        note_fastest(&mut theirs, serde_json::from_slice(&pillow("time", &asked)?)?);
        note_fastest(&mut ours, measure(&folder)?);
    }
    let lines = FORMATS.iter().flat_map(|format| SIDES.iter().map(|side| line(format, *side, &ours, &theirs)));
    let head = [
        "format",
        "input",
        "colour",
        "grey",
        "grey / colour",
        "Pillow, colour",
        "Pillow, grey",
        "grey / Pillow's",
        "at most 1",
    ];
    print(&head, &lines.collect::<Vec<_>>());
    Ok(())
}

fn note_fastest(fastest: &mut FastestRuns, round: FastestRuns) {
    for (name, milliseconds) in round {
        let known = fastest.entry(name).or_insert(milliseconds);
        *known = known.min(milliseconds);
    }
}

/// The service's own decoding, one run after another on this thread.
fn measure(folder: &Path) -> Result<FastestRuns> {
    let mut found = FastestRuns::new();
    for format in FORMATS {
        for colour in ["colour", "grey"] {
            let name = format!("{colour}.{format}");
            let bytes = fs::read(folder.join(&name))?;
            for side in SIDES {
                let spec = spec(side);
                for _ in 0..RUNS {
                    let started = Instant::now();
                    std::hint::black_box(decode(&bytes, &spec, &ImageLimits::default())?);
                    let milliseconds = 1e3 * started.elapsed().as_secs_f64();
                    note_fastest(&mut found, FastestRuns::from([(format!("{name} {side}"), milliseconds)]));
                }
            }
        }
    }
    Ok(found)
}

/// As of a model for photographs.
fn spec(side: u32) -> InputSpec {
    InputSpec {
        width: side,
        height: side,
        colour: Colour::Rgb,
        layout: Layout::Nchw,
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
        resize: ResizeFilter::Triangle,
        orientation: ReadOrientation::Ignore,
    }
}

fn line(format: &str, side: u32, ours: &FastestRuns, theirs: &FastestRuns) -> Vec<String> {
    let of =
        |runs: &FastestRuns, colour: &str| runs.get(&format!("{colour}.{format} {side}")).copied().unwrap_or(f64::NAN);
    let (colour, grey) = (of(ours, "colour"), of(ours, "grey"));
    let [milliseconds, milliseconds_grey, pillow, pillow_grey] =
        [colour, grey, of(theirs, "colour"), of(theirs, "grey")].map(|value| format!("{value:.2} ms"));
    let ratios = [grey / colour, grey / of(theirs, "grey")].map(|ratio| format!("{ratio:.2}"));
    let [to_colour, to_pillow] = ratios;
    vec![
        format.to_owned(),
        format!("{side} x {side}"),
        milliseconds,
        milliseconds_grey,
        to_colour,
        pillow,
        pillow_grey,
        to_pillow,
        verdict(grey / colour <= MOST),
    ]
}
