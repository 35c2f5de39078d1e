//! How far each model's input and answers lie from its reference: the verdict in a sentence, and both distributions.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::plots::{BinPlot, PlotBin};
use pages::{count, decimals, percent, short};

use super::site::{DRIFT, page};
use super::window_page::WindowPage;
use crate::analysis::{DriftReport, DriftVerdict, FeatureBins, FeatureDrift, Statistic, shown_bins};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::drift::report_of;
use crate::queries::model_window::WindowFacts;
use crate::queries::parameters::WindowQuery;

/// Features of a model that are drawn; the others stand in the table alone.
const DRAWN: usize = 12;

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
    Ok(page("", DRIFT, &content().content(&app, &uri).await?))
}

/// The drift of one model's file, and what it is made of.
struct FileDrift {
    window: WindowFacts,
    report: Option<DriftReport>,
    bins: Vec<FeatureBins>,
}

fn content() -> WindowPage<FileDrift> {
    WindowPage {
        title: DRIFT,
        key: html! { p.key { "Shares of predictions:" span.swatch.then {} "reference" span.swatch.now {} "now" } },
        judge: |window, judged| FileDrift {
            window,
            report: report_of(judged),
            bins: judged.reference.map(|reference| shown_bins(reference, judged.counts)).unwrap_or_default(),
        },
        show: model,
    }
}

fn model(FileDrift { window, report, bins }: &FileDrift) -> Markup {
    let features = report.as_ref().map(|report| sorted(&report.features)).unwrap_or_default();
    html! {
        h2 { (window.model) @if let Some(digest) = &window.model_sha256 { " " code.quiet title=(digest) { (short(digest, 9)) } } }
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

fn plotted(bin: &crate::analysis::ShownBin) -> PlotBin {
    PlotBin { name: bin.name.clone(), reference: bin.reference, current: bin.current }
}

/// The worst first: by verdict, then by how far the PSI is above what noise explains.
fn sorted(features: &[FeatureDrift]) -> Vec<&FeatureDrift> {
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
fn sentence(feature: &FeatureDrift) -> String {
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
