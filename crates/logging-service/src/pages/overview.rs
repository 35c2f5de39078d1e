//! What the models do: how much, how fast, how well, and what is wrong.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::plots::spark;
use pages::{Query, at, count, percent, seconds};
use serde::Deserialize;
use utoipa::IntoParams;

use super::dashboards;
use super::parameters::{PageParameters, question};
use super::site::{OVERVIEW, page};
use super::window_page::choice;
use crate::analysis::{DriftReport, DriftVerdict, QualityReport};
use crate::app::App;
use crate::evaluation::EvaluationWindow;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::parameters::{parse_query, window};
use crate::queries::stats::StatsReport;
use crate::queries::{drift, quality, stats};
use crate::store::PredictionSummary;

/// From this share of failed predictions on, it is a problem.
const MANY_ERRORS: f64 = 0.01;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OverviewQuery {
    /// A window that ends now; `24h` if it is left out.
    #[serde(default, deserialize_with = "window")]
    #[param(inline)]
    window: Option<EvaluationWindow>,
}

/// The overview of all models
#[utoipa::path(
    get,
    path = "/ui",
    operation_id = "overviewPage",
    tag = "pages",
    params(OverviewQuery),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn overview(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    Ok(page("ui/", OVERVIEW, &content(&app, &uri).await?))
}

async fn content(app: &App, uri: &Uri) -> Result<Markup, ApiError> {
    let OverviewQuery { window } = parse_query(uri)?;
    let window = window.unwrap_or(EvaluationWindow::Day);
    let interval = window.interval();
    let window = window.as_str();
    let of_window = Query::default().with("window", window);
    let counted = stats::report_of(&app.store, &question(&of_window.clone().with("interval", interval))?).await?;
    let judged = question(&of_window)?;
    let (qualities, drifts) = (quality::answer_of(app, &judged).await?, drift::answer_of(app, &judged).await?);
    let mut rows: BTreeMap<&str, ModelRow<'_>> = BTreeMap::new();
    for (model, summary) in &counted.stats.models {
        rows.entry(model).or_default().summary = Some(summary);
    }
    // The file in service stands first among those of a model.
    for judged in &qualities.models {
        rows.entry(&judged.window.model).or_default().quality.get_or_insert(&judged.quality);
    }
    for judged in drifts.models.iter() {
        let row = rows.entry(&judged.window.model).or_default();
        row.drift = row.drift.or(judged.drift.as_ref());
    }
    Ok(html! {
        h1 { (OVERVIEW) }
        (choice(&PageParameters::of(uri)?))
        (tiles(&counted.stats.total))
        (problems(&rows, window))
        @if rows.is_empty() {
            p { "No predictions in this window. " code { "POST /log" } " stores them; the inference service does so by itself." }
        } @else {
            (table(app, &rows, &counted, window))
        }
    })
}

/// What is known of a model.
#[derive(Default)]
struct ModelRow<'a> {
    summary: Option<&'a PredictionSummary>,
    quality: Option<&'a QualityReport>,
    drift: Option<&'a DriftReport>,
}

fn tiles(total: &PredictionSummary) -> Markup {
    html! {
        ul.tiles {
            li { b { (count(total.predictions)) } "predictions" }
            li { b { (total.errors_share().map_or("–".to_owned(), percent)) } (count(total.errors)) " failed" }
            li { b { (total.mean_latency_seconds.map_or("–".to_owned(), seconds)) } "mean latency" }
            li { b { @match total.last_occurred_at { Some(last) => (at(last)), None => "–" } } "latest, UTC" }
        }
    }
}

/// What is wrong, the worst first.
fn problems(rows: &BTreeMap<&str, ModelRow<'_>>, window: &str) -> Markup {
    let mut found: Vec<(bool, Markup)> = Vec::new();
    for (model, row) in rows {
        if let Some(drift) = row.drift.filter(|drift| drift.samples > 0 && drift.verdict != DriftVerdict::None) {
            let worst = drift.features.iter().filter(|feature| feature.verdict == drift.verdict);
            let names: Vec<&str> = worst.map(|feature| feature.feature.as_str()).collect();
            let is_bad = drift.verdict == DriftVerdict::Drift;
            found.push((is_bad, html! {
                b { (model) } @if is_bad { ": input or answers have drifted in " } @else { ": input or answers may be drifting in " }
                a href={ "ui/drift" (Query::default().with("model", model).with("window", window)) } { (listed(&names)) }
            }));
        }
        if let Some((summary, share)) = row.summary.and_then(|summary| Some((summary, summary.errors_share()?)))
            && share >= MANY_ERRORS
        {
            let query = Query::default().with("model", model).with("status", "error");
            found.push((true, html! {
                b { (model) } ": " a href={ "ui/predictions" (query) } { (count(summary.errors)) " predictions failed" } ", " (percent(share))
            }));
        }
    }
    found.sort_by_key(|(is_bad, _)| !is_bad);
    html! {
        @if found.is_empty() {
            p.quiet { "Nothing is known to be wrong." }
        } @else {
            ul.problems aria-label="Problems" { @for (is_bad, problem) in found { li.bad[is_bad] { (problem) } } }
        }
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        names => names.join(", "),
    }
}

fn table(app: &App, rows: &BTreeMap<&str, ModelRow<'_>>, counted: &StatsReport, window: &str) -> Markup {
    html! {
        div.table { table {
            thead { tr {
                th scope="col" { "Model" } th scope="col" { "Over time" } th.n scope="col" { "Predictions" } th.n scope="col" { "Failed" }
                th.n scope="col" { "Mean latency" } th scope="col" { "Accuracy" } th scope="col" { "Drift" }
            } }
            tbody { @for (model, row) in rows {
                @let of_model = Query::default().with("model", model);
                @let judged = of_model.clone().with("window", window);
                tr {
                    th scope="row" {
                        a href={ "ui/predictions" (of_model) } { (model) }
                        @if let Some(dashboard) = dashboards::of_model(&app.config, model) {
                            " " a.quiet href=(dashboard) aria-label={ "Dashboard of " (model) } { "dashboard" }
                        }
                    }
                    td { (over_time(model, counted)) }
                    td.n { (count(row.summary.map_or(0, |summary| summary.predictions))) }
                    td.n { (row.summary.and_then(PredictionSummary::errors_share).map_or("–".to_owned(), percent)) }
                    td.n { (row.summary.and_then(|summary| summary.mean_latency_seconds).map_or("–".to_owned(), seconds)) }
                    td { a href={ "ui/quality" (judged) } { (accuracy(row.quality)) } }
                    td { a href={ "ui/drift" (judged) } { (verdict(row.drift)) } }
                }
            } }
        } }
    }
}

fn over_time(model: &str, counted: &StatsReport) -> Markup {
    let of_model = |interval: &crate::queries::stats::StatsInterval| {
        interval.stats.models.get(model).map_or(0, |summary| summary.predictions) as f64
    };
    let values: Vec<f64> = counted.intervals.iter().map(of_model).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    spark(&values, &format!("{} intervals, at most {most} predictions in one", values.len()))
}

fn accuracy(quality: Option<&QualityReport>) -> Markup {
    match quality {
        Some(QualityReport { accuracy: Some(accuracy), labelled, .. }) => {
            html! { (percent(*accuracy)) span.quiet { " of " (count(*labelled)) } }
        }
        Some(QualityReport { expected_accuracy: Some(expected), .. }) => {
            html! { span.quiet { (percent(*expected)) " expected" } }
        }
        Some(QualityReport { regression: Some(errors), .. }) => html! { "MAE " (pages::decimals(errors.mae)) },
        _ => html! { span.quiet { "no labels" } },
    }
}

fn verdict(drift: Option<&DriftReport>) -> Markup {
    match drift {
        None => html! { span.quiet { "no reference" } },
        Some(drift) if drift.samples == 0 => html! { span.quiet { "no samples" } },
        Some(DriftReport { verdict: DriftVerdict::None, .. }) => html! { "none" },
        Some(DriftReport { verdict: DriftVerdict::Warning, .. }) => html! { span.warn { "warning" } },
        Some(DriftReport { verdict: DriftVerdict::Drift, .. }) => html! { span.wrong { "drift" } },
    }
}
