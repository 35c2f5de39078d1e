//! `cargo xtask bench serve`: how much of an engine's speed is left when it serves, and what others make of it.
//!
//! Rule of thumb: the same picture, the same model, the same cores for everybody. A bare loop of the engine is the
//! measure, for nothing that answers over HTTP can be faster; who sends the requests works on the same cores, and takes
//! the same from all.

mod contender;
mod engines;
mod item;
mod report;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::contender::{Body, Contender, Load, Who};
use self::engines::LoadedEngine;
use self::item::Item;
use super::Scratch;
use super::disturbance::Ticks;
use super::peers::{Peer, PeerKind};
use super::program::{Program, peak_megabytes};
use crate::console::say;
use crate::stop_request::StopRequest;

/// The part of the cores that others may take in a turn.
const MOST_DISTURBED: f64 = 0.05;
/// For each turn that counts, this many may be taken again.
const SPARE_FACTOR: usize = 3;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeOptions {
    /// How often everybody has a turn.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of a turn.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections, each of which sends its next request when the last one is answered.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
}

/// Measures in turns, and prints the table.
///
/// # Errors
/// Where something cannot be measured; not where a peer or an engine cannot be had.
pub(super) fn run(options: &ServeOptions, scratch: &Scratch) -> Result<()> {
    // Peers have process groups of their own, which a Ctrl-C does not reach: they end when this function does.
    let stop = StopRequest::listen()?;
    let engines = engines::load()?;
    let item = Item::read(&engines)?;
    let services = engines.iter().map(|engine| start(engine, scratch)).collect::<Result<Vec<_>>>()?;
    let peers: Vec<Peer> = PeerKind::ALL.into_iter().filter_map(|kind| Peer::start(kind, scratch)).collect();

    let mut contenders = Vec::new();
    for (engine, service) in engines.iter().zip(&services) {
        contenders.push(Contender::new(Who::Loop(engine.kind), Body::None, Load::Loop(&engine.engine)));
        contenders.extend(on_the_wire(Who::Service(engine.kind), service.address, &item)?);
    }
    for peer in &peers {
        contenders.extend(on_the_wire(Who::Peer(peer.kind), peer.address, &item)?);
    }
    let disturbed = take_turns(&mut contenders, &item, options, &stop)?;

    let mut peaks = Vec::new();
    for (engine, service) in engines.iter().zip(&services) {
        peaks.push((Who::Service(engine.kind), peak_megabytes(service.process())?));
    }
    for peer in &peers {
        peaks.push((Who::Peer(peer.kind), peer.peak_megabytes()?));
    }
    report::print_all(&contenders, &peaks, disturbed);
    services.into_iter().try_for_each(Program::stop)
}

/// The service as anyone would run it with this engine, but without a log of predictions, which the peers lack too.
fn start(engine: &LoadedEngine, scratch: &Scratch) -> Result<Program> {
    let mut arguments = vec!["--log-url", "", "--engine", engine.kind.as_str()];
    if let Some(library) = &engine.library {
        arguments.extend(["--onnxruntime-library", library.to_str().context("the path of a library is not Unicode")?]);
    }
    Program::inference(scratch, &arguments)
}

/// One contender for each kind of body that there is for it, once it has given the right answer.
fn on_the_wire<'a>(who: Who, address: SocketAddr, item: &Item) -> Result<Vec<Contender<'a>>> {
    let mut contenders = Vec::new();
    for body in [Body::Json, Body::Jpeg] {
        if let Some(request) = item.request(who, body)? {
            item::check_answer(who, address, &request)?;
            contenders.push(Contender::new(who, body, Load::requests(address, request)));
        }
    }
    Ok(contenders)
}

/// Gives the part of the cores that others took in the worst turn that counts. A turn that they disturbed is taken
/// again, whatever came of it, as long as there are spare ones.
fn take_turns(contenders: &mut [Contender], item: &Item, options: &ServeOptions, stop: &StopRequest) -> Result<f64> {
    let duration = Duration::from_secs(options.seconds);
    let turns = contenders.len() * options.rounds as usize;
    let (mut spare, mut worst) = (turns * SPARE_FACTOR, 0.0_f64);
    say(format_args!("{turns} turns of {duration:?} that count, and a round before them that warms up"));
    for round in 0..=options.rounds {
        // Whoever comes first comes last in the next round.
        contenders.reverse();
        for contender in &mut *contenders {
            let (turn, disturbed) = loop {
                ensure!(!stop.is_waiting(), "the measurement was stopped");
                let before = Ticks::now()?;
                let turn = contender.load.turn(item.input(), options.connections as usize, duration)?;
                ensure!(turn.refused == 0, "{}: {} predictions were refused", contender.who, turn.refused);
                let disturbed = Ticks::now()?.taken_since(before);
                if round == 0 || disturbed <= MOST_DISTURBED || spare == 0 {
                    break (turn, disturbed);
                }
                spare -= 1;
            };
            if round > 0 {
                worst = worst.max(disturbed);
                contender.floods.push(turn);
            }
        }
    }
    let again = turns * SPARE_FACTOR - spare;
    say(format_args!("{again} turns were disturbed and taken again"));
    Ok(worst)
}
