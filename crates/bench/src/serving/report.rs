//! What came out, as a page of tables, and which targets were kept.

use super::contender::ContenderKind;
use super::exposition::ScrapeTimes;
use super::idle::IdleLatency;
use super::instruments::InstrumentCost;
use super::models::OtherModel;
use super::rates::{RateLatencies, SIDES};
use super::target::{FigureTarget, TargetBound};
use super::throughput::Throughput;
use crate::disturbance::{MOST_DISTURBED, MeasuredTurns};
use crate::table::{text, thousands};

/// The least that "5,000 series" means.
const SERIES: usize = 5000;
const MOST_SCRAPE_MILLISECONDS: f64 = 3.0;
const MOST_IDLE_MILLISECONDS: f64 = 0.15;
const MOST_INSTRUMENTS_PERCENT: f64 = 1.0;

/// Percent of a prediction's processor time.
struct InstrumentPercent {
    /// Lines and spans.
    log: f64,
    /// Whatever counts and times.
    metrics: f64,
}

/// Everything that was measured; what was not is empty.
#[derive(Default)]
pub(super) struct ServingFindings<'a> {
    pub(super) throughput: Option<Throughput<'a>>,
    pub(super) rates: Vec<RateLatencies>,
    pub(super) idle: Vec<IdleLatency>,
    pub(super) instruments: Option<InstrumentCost>,
    pub(super) exposition: Option<ScrapeTimes>,
    pub(super) models: Vec<OtherModel>,
}

impl ServingFindings<'_> {
    /// All of it in Markdown.
    pub(super) fn page(&self, turns: &MeasuredTurns) -> String {
        let mut page = Vec::new();
        if let Some(throughput) = &self.throughput {
            page.extend([throughput.table(), "Processor time of a prediction:".to_owned(), throughput.costs()]);
        }
        if !self.rates.is_empty() {
            page.extend(["Latency at fixed rates, from the moment at which each request was due:".to_owned()]);
            page.push(self.rate_table());
        }
        page.extend(self.idle.iter().map(idle_sentence));
        page.extend(self.instrument_sentence());
        page.extend(self.exposition.as_ref().map(scrape_sentence));
        if !self.models.is_empty() {
            page.push(format!("Other models, JPEG:\n\n{}", self.model_table()));
        }
        let quiet = turns.worst() <= MOST_DISTURBED;
        let limit = if quiet { "" } else { ", more than the 5 % up to which targets are judged" };
        page.push(format!(
            "Others took up to {:.0} % of the cores in a turn that counts{limit}; {} turns were disturbed and taken again.",
            100.0 * turns.worst(),
            turns.repeated()
        ));
        let targets: Vec<_> = self.targets().iter().map(|target| target.line(quiet)).collect();
        page.push(text(&["target", "wanted", "found", ""], &targets));
        page.join("\n\n")
    }

    fn targets(&self) -> Vec<FigureTarget> {
        let mut targets = self.throughput.as_ref().map(Throughput::targets).unwrap_or_default();
        targets.extend(self.rates.iter().map(|rate| {
            let [ours, theirs] = &rate.floods;
            FigureTarget {
                what: format!("p99 of {} / {}, {}, {}", SIDES[0], SIDES[1], rate.body, rate_name(rate)),
                value: Some(ours.quantile(0.99) / theirs.quantile(0.99)),
                bound: TargetBound::Below(1.0),
            }
        }));
        targets.extend(self.idle.iter().map(|idle| FigureTarget {
            what: format!("ms that {} adds to its engine when idle, JPEG", ContenderKind::Service(idle.engine)),
            value: Some(1e3 * (idle.served - idle.alone)),
            bound: TargetBound::Below(MOST_IDLE_MILLISECONDS),
        }));
        if self.instruments.is_some() {
            let value = self.instrument_percent().map(|percent| percent.log + percent.metrics);
            let what = "% of a prediction's processor time for instrumentation".to_owned();
            targets.push(FigureTarget { what, value, bound: TargetBound::Below(MOST_INSTRUMENTS_PERCENT) });
        }
        if let Some(exposition) = &self.exposition {
            let enough = exposition.series >= SERIES;
            targets.push(FigureTarget {
                what: format!("ms of a scrape of {} series", thousands(exposition.series as f64)),
                value: enough.then(|| 1e3 * exposition.scrapes.quantile(0.5)),
                bound: TargetBound::Below(MOST_SCRAPE_MILLISECONDS),
            });
        }
        targets
    }

    fn rate_table(&self) -> String {
        let head = ["who", "body", "requests/s", "p50", "p90", "p99", "p99.9"];
        let mut lines = Vec::new();
        for rate in &self.rates {
            for (who, flood) in SIDES.iter().zip(&rate.floods) {
                let mut line = vec![who.to_string(), rate.body.to_string(), rate_name(rate)];
                line.extend([0.5, 0.9, 0.99, 0.999].map(|part| format!("{:.2} ms", 1e3 * flood.quantile(part))));
                lines.push(line);
            }
        }
        text(&head, &lines)
    }

    fn model_table(&self) -> String {
        let head = ["model", "who", "predictions/s", "of the engine's loop", "engine, p50", "peak memory"];
        let line = |model: &OtherModel| {
            let [served, alone] = model.per_second;
            vec![
                model.name.to_owned(),
                model.who.to_string(),
                thousands(served),
                format!("{:.2}", served / alone),
                format!("{:.2} ms", 1e3 * model.alone),
                format!("{:.0} MB", model.peak_megabytes),
            ]
        };
        text(&head, &self.models.iter().map(line).collect::<Vec<_>>())
    }

    fn instrument_percent(&self) -> Option<InstrumentPercent> {
        let cost = self.throughput.as_ref()?.prediction_cost()?;
        let metrics = self.instruments.as_ref().map(|found| found.predictions + found.requests)?;
        Some(InstrumentPercent { log: 100.0 * cost.log / cost.whole, metrics: 100.0 * metrics / cost.whole })
    }

    fn instrument_sentence(&self) -> Option<String> {
        let found = self.instruments.as_ref()?;
        let calls = format!(
            "The metrics of a prediction take {:.2} µs, the ids, the span and the metrics of its request {:.2} µs",
            1e6 * found.predictions,
            1e6 * found.requests
        );
        let Some((InstrumentPercent { log, metrics }, lost)) =
            self.instrument_percent().zip(self.throughput.as_ref()?.lost_to_log())
        else {
            return Some(format!("{calls}."));
        };
        Some(format!(
            "{calls}: {metrics:.2} % of its processor time. Lines and spans are {log:.2} %, and took {:.1} % of the \
             throughput.",
            100.0 * lost
        ))
    }
}

fn rate_name(rate: &RateLatencies) -> String {
    format!("{} ({:.0} %)", thousands(rate.per_second), 100.0 * rate.part)
}

fn idle_sentence(idle: &IdleLatency) -> String {
    format!(
        "One JPEG at a time: {} answers in {:.3} ms at the median, its engine alone takes {:.3} ms; {:.3} ms are added.",
        ContenderKind::Service(idle.engine),
        1e3 * idle.served,
        1e3 * idle.alone,
        1e3 * (idle.served - idle.alone)
    )
}

fn scrape_sentence(exposition: &ScrapeTimes) -> String {
    format!(
        "A scrape of {} series ({:.0} kB): {:.2} ms at the median, {:.2} ms at the 99th percentile.",
        thousands(exposition.series as f64),
        exposition.bytes as f64 / 1e3,
        1e3 * exposition.scrapes.quantile(0.5),
        1e3 * exposition.scrapes.quantile(0.99)
    )
}
