//! How far each model's input and answers lie from its reference: the verdict in a sentence, and both distributions.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::plots::{BinPlot, PlotBin, TimePlot, TimePoint};
use pages::{count, decimals, minute, percent, short};

use super::site::{DRIFT, page};
use super::window_page::{AboutFile, FileInterval, WindowPage};
use crate::analysis::{DriftReport, DriftVerdict, FeatureBins, FeatureDrift, Statistic, shown_bins};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::drift::report_of;
use crate::queries::model_window::WindowFacts;
use crate::queries::window_query::WindowQuery;
use crate::store::time::from_microseconds;

/// Features of a model that are drawn; the others stand in the table alone.
const DRAWN: usize = 12;
/// Features that are drawn over time.
const OVER_TIME: usize = 3;

/// The drift of each model
#[utoipa::path(
    get,
    path = "/ui/drift",
    operation_id = "driftPage",
    tag = "pages",
    params(WindowQuery),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn drift(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    Ok(page("", DRIFT, &content().content(&app.store, &uri).await?))
}

/// The drift of one model's file, and what it is made of.
pub(super) struct FileDrift {
    window: WindowFacts,
    report: Option<DriftReport>,
    bins: Vec<FeatureBins>,
}

pub(super) fn content() -> WindowPage<FileDrift> {
    WindowPage {
        title: DRIFT,
        key: html! { p.key { "Shares of predictions:" span.swatch.then {} "reference" span.swatch.now {} "now" } },
        judge: |window, judged| FileDrift {
            window,
            report: report_of(judged),
            bins: judged.reference.map(|reference| shown_bins(reference, judged.counts)).unwrap_or_default(),
        },
        show: model,
        over_time,
    }
}

fn model(FileDrift { report, bins, .. }: &FileDrift) -> Markup {
    let features = report.as_ref().map(|report| sorted(&report.features)).unwrap_or_default();
    html! {
        @match report {
            None => p {
                "There is no reference to compare with. " code { "POST /drift/reference" } " takes one from a range of predictions in which all was well."
            },
            Some(report) if report.samples == 0 => p { "No answered predictions in this window." },
            Some(report) => {
                p { (verdict(report)) }
                @for feature in features.iter().take(DRAWN) {
                    @if let Some(shown) = bins.iter().find(|shown| shown.feature == feature.feature) {
                        (BinPlot { caption: sentence(feature), bins: shown.bins.iter().map(plotted).collect() }.markup())
                    }
                }
                (table(&features))
            },
        }
    }
}

impl AboutFile for FileDrift {
    fn facts(&self) -> &WindowFacts {
        &self.window
    }
}

/// How far the worst features lay from the reference in each interval.
fn over_time(whole: &FileDrift, intervals: &[FileInterval<'_, FileDrift>]) -> Markup {
    let Some(report) = whole.report.as_ref().filter(|report| report.samples > 0) else { return html! {} };
    html! {
        @for feature in sorted(&report.features).into_iter().take(OVER_TIME) {
            (TimePlot {
                caption: format!("{} over time: PSI, from 0; times are UTC", short(&feature.feature, 60)),
                points: intervals.iter().map(|interval| point(interval, &feature.feature)).collect(),
                are_shares: false,
            }.markup())
        }
        p.key { span.swatch.now {} "PSI" span.swatch.noise {} "what noise alone reaches" }
    }
}

fn point(interval: &FileInterval<'_, FileDrift>, name: &str) -> TimePoint {
    let report = interval.file.and_then(|file| file.report.as_ref()).filter(|report| report.samples > 0);
    let feature = report.and_then(|report| report.features.iter().find(|feature| feature.feature == name));
    let psi = feature.filter(|feature| feature.samples > 0).map(psi);
    TimePoint {
        at: minute(from_microseconds(interval.range.since)),
        value: psi.map(|(value, _)| value),
        noise: psi.and_then(|(_, noise)| Some((0.0, noise?))),
        other: None,
    }
}

fn plotted(bin: &crate::analysis::ShownBin) -> PlotBin {
    PlotBin { name: bin.name.clone(), reference: bin.reference, current: bin.current }
}

/// The worst first: by verdict, then by how far the PSI is above what noise explains.
pub(super) fn sorted(features: &[FeatureDrift]) -> Vec<&FeatureDrift> {
    let mut sorted: Vec<&FeatureDrift> = features.iter().collect();
    let above_noise = |feature: &FeatureDrift| {
        let (value, noise) = psi(feature);
        value - noise.unwrap_or_default()
    };
    sorted.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| above_noise(b).total_cmp(&above_noise(a))));
    sorted
}

/// The PSI, and what noise reaches.
fn psi(feature: &FeatureDrift) -> (f64, Option<f64>) {
    let found = feature.statistics.iter().find(|measured| measured.statistic == Statistic::Psi);
    found.map_or((0.0, None), |measured| (measured.value, measured.noise_floor))
}

fn verdict(report: &DriftReport) -> Markup {
    let n = html! { " (n = " (count(report.samples)) ", reference " (count(report.reference_samples)) ")" };
    match report.verdict {
        DriftVerdict::None => html! { "No drift: what differs is small, or noise explains it" (n) "." },
        DriftVerdict::Warning => html! { span.warn { "Worth a look" } (n) "." },
        DriftVerdict::Drift => html! { span.wrong { "Drift" } (n) "." },
    }
}

/// What a plot shows.
pub(super) fn sentence(feature: &FeatureDrift) -> String {
    let (value, noise) = psi(feature);
    let verdict = match feature.verdict {
        DriftVerdict::None => "no drift",
        DriftVerdict::Warning => "may be drifting",
        DriftVerdict::Drift => "has drifted",
    };
    let noise = noise.map(|noise| format!("; noise alone reaches {}", decimals(noise))).unwrap_or_default();
    let n = count(feature.samples);
    format!("{}: {verdict}. PSI {}{noise} at n = {n}", short(&feature.feature, 60), decimals(value))
}

fn table(features: &[&FeatureDrift]) -> Markup {
    html! {
        div.table { table {
            caption { "Every feature, the worst first" }
            thead { tr {
                th scope="col" { "Feature" } th scope="col" { "Verdict" } th.n scope="col" { "PSI" } th.n scope="col" { "Noise" } th.n scope="col" { "n" }
                th scope="col" { "Faults" }
            } }
            tbody { @for feature in features {
                @let (value, noise) = psi(feature);
                tr {
                    th scope="row" { (short(&feature.feature, 60)) }
                    td { (feature.verdict.as_str()) }
                    td.n { (decimals(value)) }
                    td.n { (noise.map_or("–".to_owned(), decimals)) }
                    td.n { (count(feature.samples)) }
                    td.wide { @for fault in feature.faults.iter().filter(|fault| fault.is_fault) {
                        span.wrong { (fault.fault.as_str()) } " in " (percent(fault.share)) ", reference " (percent(fault.reference_share)) ". "
                    } }
                }
            } }
        } }
    }
}
