//! As many predictions as each can make.

use anyhow::Result;
use inference_service::model::RuntimeKind::{OnnxRuntime, Tract};

use super::contender::{Contender, ContenderKind, RequestBody};
use super::stage::ServingStage;
use super::target::{FigureTarget, TargetBound};
use crate::disturbance::{MeasuredTurns, TurnExtent};
use crate::load_result::LoadResult;
use crate::peers::PeerKind::{FastApi, MlServer};
use crate::table::{text, thousands};

/// What every contender made in its turns.
pub(super) struct Throughput<'a> {
    contenders: Vec<Contender<'a>>,
    peaks: Vec<(ContenderKind, f64)>,
    cores: f64,
}

/// Processor seconds of a prediction.
#[derive(Clone, Copy, Debug)]
pub(super) struct PredictionCost {
    /// All of them.
    pub(super) whole: f64,
    /// The part of lines and spans.
    pub(super) log: f64,
}

/// Gives every contender a turn in each round; the first round warms up.
///
/// # Errors
/// Where a prediction is refused or wrong.
pub(super) fn measure<'a>(
    stage: &'a ServingStage,
    turns: &mut MeasuredTurns,
    extent: TurnExtent,
) -> Result<Throughput<'a>> {
    let mut contenders = stage.contenders()?;
    for round in 0..=extent.rounds {
        // The first in one round is the last in the next.
        contenders.reverse();
        for contender in &mut contenders {
            if round == 0 {
                turns.warm_up(|| contender.load.turn(extent.connections, extent.duration))?;
            } else {
                let turn = turns.take(|| contender.load.turn(extent.connections, extent.duration))?;
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
        ContenderKind::Loop(kind) => (kind as usize, 0),
        ContenderKind::Service(kind) => (kind as usize, 1),
        ContenderKind::Silent(kind) => (kind as usize, 2),
        ContenderKind::Peer(kind) => (kind as usize, 0),
    };
    (matches!(contender.who, ContenderKind::Peer(_)), group, place, contender.body == RequestBody::Jpeg)
}

impl Throughput<'_> {
    /// Of each, predictions a second; with its name.
    pub(super) fn speeds(&self) -> Vec<(String, f64)> {
        let name = |contender: &Contender| match contender.body {
            RequestBody::None => contender.who.to_string(),
            body => format!("{}, {body}", contender.who),
        };
        self.contenders.iter().map(|contender| (name(contender), contender.typical(LoadResult::per_second))).collect()
    }

    /// The speed of each contender.
    pub(super) fn table(&self) -> String {
        let head = ["who", "body", "predictions/s", "of the engine's loop", "p50", "p99", "peak memory"];
        text(&head, &self.contenders.iter().map(|contender| self.line(contender)).collect::<Vec<_>>())
    }

    /// Where the service's processor time goes, and what the client takes.
    pub(super) fn costs(&self) -> String {
        let head = ["who", "body", "inference threads", "all other threads", "the client's part of the cores"];
        let line = |contender: &Contender| {
            let milliseconds = |value: fn(&LoadResult) -> f64| format!("{:.3} ms", 1e3 * each(contender, value));
            let client = 100.0 * contender.typical(|flood| flood.client / flood.seconds) / self.cores;
            let (engine, rest) = (milliseconds(|flood| flood.engine), milliseconds(|flood| flood.rest));
            vec![contender.who.to_string(), contender.body.to_string(), engine, rest, format!("{client:.1} %")]
        };
        let ours =
            |contender: &&Contender| matches!(contender.who, ContenderKind::Service(_) | ContenderKind::Silent(_));
        text(&head, &self.contenders.iter().filter(ours).map(line).collect::<Vec<_>>())
    }

    /// What a prediction costs, where that was measured with and without a log.
    pub(super) fn prediction_cost(&self) -> Option<PredictionCost> {
        let silent = self.contenders.iter().find(|contender| matches!(contender.who, ContenderKind::Silent(_)))?;
        let usual = self.find(ContenderKind::Service(silent.who.engine()), silent.body)?;
        let rests = |contender| each(contender, |flood| flood.rest);
        let whole = each(usual, |flood| flood.engine) + rests(usual);
        Some(PredictionCost { whole, log: rests(usual) - rests(silent) })
    }

    /// The part of the throughput that the log takes.
    pub(super) fn lost_to_log(&self) -> Option<f64> {
        let silent = self.contenders.iter().find(|contender| matches!(contender.who, ContenderKind::Silent(_)))?;
        let usual = self.find(ContenderKind::Service(silent.who.engine()), silent.body)?;
        Some(1.0 - usual.beside(silent, LoadResult::per_second))
    }

    fn find(&self, who: ContenderKind, body: RequestBody) -> Option<&Contender<'_>> {
        self.contenders.iter().find(|contender| (contender.who, contender.body) == (who, body))
    }

    fn peak(&self, who: ContenderKind) -> Option<f64> {
        Some(self.peaks.iter().find(|(other, _)| *other == who)?.1)
    }

    /// How many times as many as another: `None` where one of them is missing.
    fn beside(&self, who: ContenderKind, other: ContenderKind, body: RequestBody) -> Option<f64> {
        let of_other = if matches!(other, ContenderKind::Loop(_)) { RequestBody::None } else { body };
        Some(self.find(who, body)?.beside(self.find(other, of_other)?, LoadResult::per_second))
    }

    fn line(&self, contender: &Contender) -> Vec<String> {
        let measure = self.find(ContenderKind::Loop(contender.who.engine()), RequestBody::None);
        let milliseconds = |part: f64| format!("{:.2} ms", contender.typical(|flood| flood.quantile(part) * 1e3));
        vec![
            contender.who.to_string(),
            contender.body.to_string(),
            thousands(contender.typical(LoadResult::per_second)),
            measure.map_or_else(String::new, |measure| {
                format!("{:.2}", contender.beside(measure, LoadResult::per_second))
            }),
            milliseconds(0.5),
            milliseconds(0.99),
            self.peak(contender.who).map_or_else(String::new, |megabytes| format!("{megabytes:.0} MB")),
        ]
    }

    fn target(&self, who: ContenderKind, other: ContenderKind, body: RequestBody, bound: TargetBound) -> FigureTarget {
        let what = format!("predictions/s of {who} / {other}, {body}");
        FigureTarget { what, value: self.beside(who, other, body), bound }
    }

    /// What the speeds and the memory should be.
    pub(super) fn targets(&self) -> Vec<FigureTarget> {
        let ours = ContenderKind::Service(OnnxRuntime);
        let fastapi = ContenderKind::Peer(FastApi);
        let loops = [(Tract, 0.95), (OnnxRuntime, 0.85)].into_iter().flat_map(|(engine, least)| {
            let bound = TargetBound::PartOfLoop(least);
            [RequestBody::Json, RequestBody::Jpeg]
                .map(|body| self.target(ContenderKind::Service(engine), ContenderKind::Loop(engine), body, bound))
        });
        let peers = [
            (fastapi, RequestBody::Json, 2.0),
            (fastapi, RequestBody::Jpeg, 1.8),
            (ContenderKind::Peer(MlServer), RequestBody::Json, 3.0),
        ]
        .map(|(other, body, least)| self.target(ours, other, body, TargetBound::AtLeast(least)));
        let mut targets: Vec<FigureTarget> = loops.chain(peers).collect();
        let value = self.peak(ours).zip(self.peak(fastapi)).map(|(peak, of_other)| peak / of_other);
        let what = format!("peak memory of {ours} / {fastapi}");
        targets.push(FigureTarget { what, value, bound: TargetBound::Below(1.0 / 3.0) });
        targets
    }
}

/// Of each prediction.
fn each(contender: &Contender, value: fn(&LoadResult) -> f64) -> f64 {
    contender.typical(|flood| value(flood) / flood.answered as f64)
}
