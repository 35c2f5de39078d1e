//! What a storm has shown, as a table that docs/reliability.md takes as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use testkit::percentile;

use crate::attack::Attack;
use crate::honest::{HonestAsk, HonestOutcome};
use crate::scene::{Fault, FaultDone};

/// The share of their answers that clients who mean well keep.
const LEAST_KEPT: f64 = 0.95;
/// The most bytes of memory of a service that may stay.
const MEMORY_LIMIT: u64 = 50_000_000;

/// What has come of one storm.
pub(super) struct StormFigures {
    pub(super) engine: String,
    pub(super) lasted: Duration,
    pub(super) strikes: BTreeMap<Attack, u64>,
    pub(super) connections: u64,
    pub(super) bytes: u64,
    pub(super) outcomes: Vec<HonestOutcome>,
    pub(super) faults: Vec<FaultDone>,
    pub(super) scrapes: usize,
    /// Bytes of memory of either service: before, the most, afterwards.
    pub(super) memory: [[u64; 3]; 2],
    /// Whether they had as much as they are shipped with, and no more.
    pub(super) is_bounded: bool,
}

/// Whether each of the services has as little memory again as before, or nearly so.
pub(super) fn has_come_back(before: [u64; 2], after: [u64; 2]) -> bool {
    (0..2).all(|service| after[service] <= before[service] + MEMORY_LIMIT)
}

impl StormFigures {
    /// What was not as it has to be, beside what ends the test at once.
    pub(super) fn problems(&self) -> Vec<String> {
        let (mut problems, (asked, kept)) = (Vec::new(), self.kept(None));
        if asked == 0 || (kept as f64 / asked as f64) < LEAST_KEPT {
            problems.push(format!("{}: honest clients kept {kept} of {asked} answers", self.engine));
        }
        let [before, after] = [0, 2].map(|moment| self.memory.map(|service| service[moment]));
        if !has_come_back(before, after) {
            problems.push(format!("{}: memory does not come back: {after:?} after {before:?}", self.engine));
        }
        problems
    }

    /// Requests outside of the seconds of faults of a kind, or of all, and how many of them were answered well.
    pub(super) fn kept(&self, ask: Option<HonestAsk>) -> (usize, usize) {
        let asked = self.outcomes.iter().filter(|outcome| ask.is_none_or(|ask| ask == outcome.ask));
        let calm: Vec<_> = asked.filter(|outcome| !self.is_excused(outcome)).collect();
        (calm.len(), calm.iter().filter(|outcome| outcome.status == Some(200)).count())
    }

    /// Whether a fault of what it asked was under way meanwhile.
    fn is_excused(&self, outcome: &HonestOutcome) -> bool {
        self.faults.iter().any(|done| {
            let concerns = done.fault.is_of_inference() != outcome.ask.is_of_logging();
            concerns && outcome.started <= done.until && outcome.ended >= done.from
        })
    }

    /// The table, in Markdown.
    pub(super) fn table(&self) -> String {
        let (calm, kept) = self.kept(None);
        let share = |kept: usize, of: usize| 100.0 * kept as f64 / of.max(1) as f64;
        let strikes: u64 = self.strikes.values().sum();
        let kinds: Vec<String> = self.strikes.iter().map(|(attack, count)| format!("{attack:?} {count}")).collect();
        let asks = HonestAsk::ALL.map(|ask| {
            let (calm, kept) = self.kept(Some(ask));
            format!("{ask:?} {:.1} % of {calm}", share(kept, calm))
        });
        let mut faults: BTreeMap<Fault, usize> = BTreeMap::new();
        self.faults.iter().for_each(|done| *faults.entry(done.fault).or_default() += 1);
        let faults: Vec<String> = faults.iter().map(|(fault, count)| format!("{fault:?} {count}")).collect();
        let labels = self.outcomes.iter().filter(|outcome| outcome.is_acknowledged_label()).count();
        let limits = if self.is_bounded { ["of 1,074", "of 537"] } else { ["without a limit"; 2] };
        let megabytes = |service: [u64; 3]| service.map(|bytes| (bytes / 1_000_000).to_string()).join(", ");
        let seconds = |part| percentile(self.outcomes.iter().map(|it| (it.ended - it.started).as_secs_f64()), part);
        let lines = [
            ("attacks".to_owned(), format!("{strikes}: {}", kinds.join(", "))),
            ("thrown".to_owned(), format!("{} connections, {} MB", self.connections, self.bytes / 1_000_000)),
            ("honest requests".to_owned(), format!("{}, of which {calm} outside of faults", self.outcomes.len())),
            ("kept".to_owned(), format!("{:.2} %: {}", share(kept, calm), asks.join(", "))),
            (
                "seconds of an answer".to_owned(),
                format!("{:.3} at the median, {:.2} at the 99th percentile", seconds(0.5), seconds(0.99)),
            ),
            ("faults survived".to_owned(), format!("{}: {}", self.faults.len(), faults.join(", "))),
            ("scrapes, books balanced in each".to_owned(), self.scrapes.to_string()),
            (format!("MB of inference, {}: before, most, after", limits[0]), megabytes(self.memory[0])),
            (format!("MB of logging, {}: before, most, after", limits[1]), megabytes(self.memory[1])),
            ("true labels acknowledged".to_owned(), labels.to_string()),
            ("answered or acknowledged and lost, or stored twice".to_owned(), "0".to_owned()),
        ];
        let head = format!("| {}, {} s | |\n|---|---|", self.engine, self.lasted.as_secs());
        let rows: Vec<String> = lines.iter().map(|(name, value)| format!("| {name} | {value} |")).collect();
        format!("{head}\n{}", rows.join("\n"))
    }
}
