//! What came out, and which targets were kept.
//!
//! Rule of thumb: a figure that cannot be right keeps no target. While others use the cores none is judged, and a server
//! that seems faster than its own engine is a fault of the measurement.

use inference_service::model::RuntimeKind::{OnnxRuntime, Tract};

use super::MOST_DISTURBED;
use super::contender::{Body, Contender, Who};
use crate::bench::flood::Flood;
use crate::bench::peers::PeerKind::{FastApi, MlServer};
use crate::bench::table::{print, thousands, verdict};
use crate::console::say;

/// What serves may seem this much faster than its engine alone, by chance.
const MOST_OF_LOOP: f64 = 1.03;

/// Prints the table, and each target below it; `disturbed` is the part of the cores that others took.
pub(super) fn print_all(contenders: &[Contender], peaks: &[(Who, f64)], disturbed: f64) {
    let found = Found { contenders, peaks };
    let mut lines: Vec<_> = contenders.iter().map(|contender| (order(contender), found.line(contender))).collect();
    lines.sort_by_key(|(place, _)| *place);
    let head = ["who", "body", "predictions/s", "of the engine's loop", "p50", "p99", "peak memory"];
    print(&head, &lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>());
    let quiet = disturbed <= MOST_DISTURBED;
    say(format_args!("others took up to {:.0} % of the cores in a turn", 100.0 * disturbed));
    if !quiet {
        say(format_args!("that is more than {:.0} %: no target is judged", 100.0 * MOST_DISTURBED));
    }
    for target in found.targets() {
        target.tell(quiet);
    }
}

/// The engines in turn, each with its loop first; behind them the peers.
fn order(contender: &Contender) -> (bool, usize, usize, bool) {
    let (group, place) = match contender.who {
        Who::Loop(kind) => (kind as usize, 0),
        Who::Service(kind) => (kind as usize, 1),
        Who::Peer(kind) => (kind as usize, 0),
    };
    (matches!(contender.who, Who::Peer(_)), group, place, contender.body == Body::Jpeg)
}

struct Found<'a> {
    contenders: &'a [Contender<'a>],
    peaks: &'a [(Who, f64)],
}

impl Found<'_> {
    fn contender(&self, who: Who, body: Body) -> Option<&Contender<'_>> {
        self.contenders.iter().find(|contender| (contender.who, contender.body) == (who, body))
    }

    fn peak(&self, who: Who) -> Option<f64> {
        Some(self.peaks.iter().find(|(other, _)| *other == who)?.1)
    }

    /// How many times as many as another: `None` where one of them is missing.
    fn beside(&self, (who, other): (Who, Who), body: Body, value: fn(&Flood) -> f64) -> Option<f64> {
        let of_other = if matches!(other, Who::Loop(_)) { Body::None } else { body };
        Some(self.contender(who, body)?.beside(self.contender(other, of_other)?, value))
    }

    fn line(&self, contender: &Contender) -> Vec<String> {
        let measure = self.contender(Who::Loop(contender.who.engine()), Body::None);
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

    fn targets(&self) -> Vec<Target> {
        let ours = Who::Service(OnnxRuntime);
        let fastapi = Who::Peer(FastApi);
        let mut targets = Vec::new();
        for (engine, least) in [(Tract, 0.95), (OnnxRuntime, 0.85)] {
            for body in [Body::Json, Body::Jpeg] {
                let (who, other) = (Who::Service(engine), Who::Loop(engine));
                let value = self.beside((who, other), body, Flood::per_second);
                let what = format!("predictions/s of {who} / {other}, {body}");
                targets.push(Target { what, value, bound: Bound::PartOfLoop(least) });
            }
        }
        for (other, body, least) in
            [(fastapi, Body::Json, 2.0), (fastapi, Body::Jpeg, 1.8), (Who::Peer(MlServer), Body::Json, 3.0)]
        {
            let value = self.beside((ours, other), body, Flood::per_second);
            let what = format!("predictions/s of {ours} / {other}, {body}");
            targets.push(Target { what, value, bound: Bound::AtLeast(least) });
        }
        for body in [Body::Json, Body::Jpeg] {
            let value = self.beside((ours, fastapi), body, |flood| flood.quantile(0.99));
            targets.push(Target {
                what: format!("p99 of {ours} / {fastapi}, {body}"),
                value,
                bound: Bound::Below(1.0),
            });
        }
        let value = self.peak(ours).zip(self.peak(fastapi)).map(|(peak, of_other)| peak / of_other);
        let what = format!("peak memory of {ours} / {fastapi}");
        targets.push(Target { what, value, bound: Bound::Below(1.0 / 3.0) });
        targets
    }
}

/// A ratio, and what it should be.
struct Target {
    what: String,
    value: Option<f64>,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    /// At least this, but never more than the whole.
    PartOfLoop(f64),
    Below(f64),
}

impl Target {
    fn tell(&self, quiet: bool) {
        let bound = match self.bound {
            Bound::AtLeast(least) | Bound::PartOfLoop(least) => format!("at least {least:.2}"),
            Bound::Below(limit) => format!("below {limit:.2}"),
        };
        let said = match self.value {
            None => "not measured".to_owned(),
            Some(value) if !quiet => format!("{value:.2}, not judged"),
            Some(value) => format!("{value:.2}, {}", self.bound.judge(value)),
        };
        say(format_args!("{}, {bound}: {said}", self.what));
    }
}

impl Bound {
    fn judge(self, value: f64) -> String {
        match self {
            Self::PartOfLoop(_) if value > MOST_OF_LOOP => "NOT CREDIBLE".to_owned(),
            Self::AtLeast(least) | Self::PartOfLoop(least) => verdict(value >= least),
            Self::Below(limit) => verdict(value < limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_outruns_its_engine_keeps_no_target() {
        let judged = [0.84, 0.85, 1.0, 1.5].map(|value| Bound::PartOfLoop(0.85).judge(value));
        assert_eq!(judged, ["MISSED", "kept", "kept", "NOT CREDIBLE"]);
        assert_eq!([0.9, 1.0].map(|value| Bound::Below(1.0).judge(value)), ["kept", "MISSED"]);
        assert_eq!(Bound::AtLeast(2.0).judge(f64::NAN), "MISSED");
    }
}
