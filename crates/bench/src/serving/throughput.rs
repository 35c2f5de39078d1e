//! As many predictions as each can make.

use std::time::Duration;

use anyhow::Result;
use inference_service::model::RuntimeKind::{OnnxRuntime, Tract};

use super::contender::{Body, Contender, Who};
use super::stage::Stage;
use super::target::{Bound, Target};
use crate::disturbance::Turns;
use crate::flood::Flood;
use crate::peers::PeerKind::{FastApi, MlServer};
use crate::table::{text, thousands};

/// What everybody made in turns.
pub(super) struct Throughput<'a> {
    contenders: Vec<Contender<'a>>,
    peaks: Vec<(Who, f64)>,
    cores: f64,
}

/// Everybody in turns, so many rounds after one that warms up.
///
/// # Errors
/// Where a prediction is refused or wrong.
pub(super) fn measure<'a>(
    stage: &'a Stage,
    turns: &mut Turns,
    (rounds, connections, duration): (u32, usize, Duration),
) -> Result<Throughput<'a>> {
    let mut contenders = stage.contenders()?;
    for round in 0..=rounds {
        // Whoever comes first comes last in the next round.
        contenders.reverse();
        for contender in &mut contenders {
            if round == 0 {
                turns.warm_up(|| contender.load.turn(connections, duration))?;
            } else {
                let turn = turns.take(|| contender.load.turn(connections, duration))?;
                contender.floods.push(turn);
            }
        }
    }
    contenders.sort_by_key(order);
    let cores = std::thread::available_parallelism()?.get() as f64;
    Ok(Throughput { contenders, peaks: stage.peaks()?, cores })
}

/// The engines in turn, each with its loop first; behind them the peers.
fn order(contender: &Contender) -> (bool, usize, usize, bool) {
    let (group, place) = match contender.who {
        Who::Loop(kind) => (kind as usize, 0),
        Who::Service(kind) => (kind as usize, 1),
        Who::Silent(kind) => (kind as usize, 2),
        Who::Peer(kind) => (kind as usize, 0),
    };
    (matches!(contender.who, Who::Peer(_)), group, place, contender.body == Body::Jpeg)
}

impl Throughput<'_> {
    /// Of each, predictions a second; with its name.
    pub(super) fn speeds(&self) -> Vec<(String, f64)> {
        let name = |contender: &Contender| match contender.body {
            Body::None => contender.who.to_string(),
            body => format!("{}, {body}", contender.who),
        };
        self.contenders.iter().map(|contender| (name(contender), contender.typical(Flood::per_second))).collect()
    }

    /// Who made how many.
    pub(super) fn table(&self) -> String {
        let head = ["who", "body", "predictions/s", "of the engine's loop", "p50", "p99", "peak memory"];
        text(&head, &self.contenders.iter().map(|contender| self.line(contender)).collect::<Vec<_>>())
    }

    /// Where the service's processor time goes, and what the client takes.
    pub(super) fn costs(&self) -> String {
        let head = ["who", "body", "inference threads", "all other threads", "the client's part of the cores"];
        let line = |contender: &Contender| {
            let milliseconds = |value: fn(&Flood) -> f64| format!("{:.3} ms", 1e3 * each(contender, value));
            let client = 100.0 * contender.typical(|flood| flood.client / flood.seconds) / self.cores;
            let (engine, rest) = (milliseconds(|flood| flood.engine), milliseconds(|flood| flood.rest));
            vec![contender.who.to_string(), contender.body.to_string(), engine, rest, format!("{client:.1} %")]
        };
        let ours = |contender: &&Contender| matches!(contender.who, Who::Service(_) | Who::Silent(_));
        text(&head, &self.contenders.iter().filter(ours).map(line).collect::<Vec<_>>())
    }

    /// Processor seconds of a prediction, and how many of them are lines and spans, where that was measured.
    pub(super) fn whole_and_log(&self) -> Option<(f64, f64)> {
        let silent = self.contenders.iter().find(|contender| matches!(contender.who, Who::Silent(_)))?;
        let usual = self.find(Who::Service(silent.who.engine()), silent.body)?;
        let rests = |contender| each(contender, |flood| flood.rest);
        Some((each(usual, |flood| flood.engine) + rests(usual), rests(usual) - rests(silent)))
    }

    /// Predictions a second with a log beside those without, less one.
    pub(super) fn lost_to_log(&self) -> Option<f64> {
        let silent = self.contenders.iter().find(|contender| matches!(contender.who, Who::Silent(_)))?;
        let usual = self.find(Who::Service(silent.who.engine()), silent.body)?;
        Some(1.0 - usual.beside(silent, Flood::per_second))
    }

    fn find(&self, who: Who, body: Body) -> Option<&Contender<'_>> {
        self.contenders.iter().find(|contender| (contender.who, contender.body) == (who, body))
    }

    fn peak(&self, who: Who) -> Option<f64> {
        Some(self.peaks.iter().find(|(other, _)| *other == who)?.1)
    }

    /// How many times as many as another: `None` where one of them is missing.
    fn beside(&self, (who, other): (Who, Who), body: Body) -> Option<f64> {
        let of_other = if matches!(other, Who::Loop(_)) { Body::None } else { body };
        Some(self.find(who, body)?.beside(self.find(other, of_other)?, Flood::per_second))
    }

    fn line(&self, contender: &Contender) -> Vec<String> {
        let measure = self.find(Who::Loop(contender.who.engine()), Body::None);
        let milliseconds = |part: f64| format!("{:.2} ms", contender.typical(|flood| flood.quantile(part) * 1e3));
        vec![
            contender.who.to_string(),
            contender.body.to_string(),
            thousands(contender.typical(Flood::per_second)),
            measure.map_or_else(String::new, |measure| format!("{:.2}", contender.beside(measure, Flood::per_second))),
            milliseconds(0.5),
            milliseconds(0.99),
            self.peak(contender.who).map_or_else(String::new, |megabytes| format!("{megabytes:.0} MB")),
        ]
    }

    /// What the speeds and the memory should be.
    pub(super) fn targets(&self) -> Vec<Target> {
        let ours = Who::Service(OnnxRuntime);
        let fastapi = Who::Peer(FastApi);
        let loops = [(Tract, 0.95), (OnnxRuntime, 0.85)].into_iter().flat_map(|(engine, least)| {
            let pair = (Who::Service(engine), Who::Loop(engine));
            [Body::Json, Body::Jpeg].map(|body| (pair, body, Bound::PartOfLoop(least)))
        });
        let peers = [(fastapi, Body::Json, 2.0), (fastapi, Body::Jpeg, 1.8), (Who::Peer(MlServer), Body::Json, 3.0)]
            .map(|(other, body, least)| ((ours, other), body, Bound::AtLeast(least)));
        let target = |((who, other), body, bound)| {
            let what = format!("predictions/s of {who} / {other}, {body}");
            Target { what, value: self.beside((who, other), body), bound }
        };
        let mut targets: Vec<Target> = loops.chain(peers).map(target).collect();
        let value = self.peak(ours).zip(self.peak(fastapi)).map(|(peak, of_other)| peak / of_other);
        let what = format!("peak memory of {ours} / {fastapi}");
        targets.push(Target { what, value, bound: Bound::Below(1.0 / 3.0) });
        targets
    }
}

/// Of each prediction.
fn each(contender: &Contender, value: fn(&Flood) -> f64) -> f64 {
    contender.typical(|flood| value(flood) / flood.answered as f64)
}
