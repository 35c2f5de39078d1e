//! How often each model was right: in all, by class, by what it confused, and by how sure it was.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::plots::{CalibrationPoint, TimePlot, TimePoint, bar, calibration_plot};
use pages::{count, decimals, minute, percent, seconds, short};

use super::site::{QUALITY, page};
use super::window_page::{AboutFile, FileInterval, WindowPage};
use crate::analysis::{CalibratedRange, QualityReport, RegressionQuality, WITHIN, calibrated_ranges, wilson};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::model_window::WindowFacts;
use crate::queries::quality::report_of;
use crate::queries::window_query::WindowQuery;
use crate::store::time::from_microseconds;

/// Classes of a confusion matrix; more do not fit on a screen.
const MOST_CLASSES: usize = 20;

/// The quality of each model
#[utoipa::path(
    get,
    path = "/ui/quality",
    operation_id = "qualityPage",
    tag = "pages",
    params(WindowQuery),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn quality(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    Ok(page("", QUALITY, &content().content(&app.store, &uri).await?))
}

/// The quality of one model's file, and what it is made of.
pub(super) struct FileQuality {
    window: WindowFacts,
    report: QualityReport,
    /// Predicted class, true class, how often.
    pairs: Vec<(String, String, i64)>,
    calibrated: Vec<CalibratedRange>,
}

pub(super) fn content() -> WindowPage<FileQuality> {
    WindowPage {
        title: QUALITY,
        key: html! {},
        judge: |window, judged| {
            let labels = &judged.counts.labels;
            let pairs = labels.pairs().filter(|pair| pair.count > 0);
            FileQuality {
                window,
                report: report_of(judged),
                pairs: pairs.map(|pair| (pair.predicted.to_owned(), pair.truth.to_owned(), pair.count)).collect(),
                calibrated: calibrated_ranges(labels),
            }
        },
        show: model,
        over_time,
    }
}

fn model(FileQuality { report, pairs, calibrated, .. }: &FileQuality) -> Markup {
    html! {
        (tiles(report))
        @if report.labelled == 0 {
            p { "No true labels in this window: " code { "POST /feedback" } " takes them." }
        }
        @if let Some(errors) = &report.regression { (regression(errors)) }
        @if !report.classes.is_empty() { (classes(report)) }
        (confusion(pairs))
        @if !calibrated.is_empty() {
            (calibration_plot(&calibration(report, calibrated), &calibrated.iter().map(point).collect::<Vec<_>>()))
            p.key { span.swatch.noise {} "where 95 of 100 would lie if the confidence were true" }
        }
    }
}

impl AboutFile for FileQuality {
    fn facts(&self) -> &WindowFacts {
        &self.window
    }
}

/// How often the file was right in each interval.
fn over_time(whole: &FileQuality, intervals: &[FileInterval<'_, FileQuality>]) -> Markup {
    if whole.report.labelled == 0 || whole.report.accuracy.is_none() {
        return html! {};
    }
    let point = |interval: &FileInterval<'_, FileQuality>| {
        let report = interval.file.map(|file| &file.report).filter(|report| report.labelled > 0);
        TimePoint {
            at: minute(from_microseconds(interval.range.since)),
            value: report.and_then(|report| report.accuracy),
            noise: report.and_then(|report| wilson(report.accuracy?, report.labelled)),
            other: report.and_then(|report| report.expected_accuracy),
        }
    };
    let caption =
        format!("Accuracy over time, of {} labelled predictions; times are UTC", count(whole.report.labelled));
    html! {
        (TimePlot { caption, points: intervals.iter().map(point).collect(), are_shares: true }.markup())
        p.key { span.swatch.now {} "accuracy" span.swatch.noise {} "where 95 of 100 lie for so many labels" span.swatch.then {} "expected from confidences" }
    }
}

fn tiles(report: &QualityReport) -> Markup {
    let shown = |share: Option<f64>| share.map_or("–".to_owned(), percent);
    html! {
        ul.tiles {
            li { b { (shown(report.accuracy)) } "accuracy" @if let Some(range) = interval(report) { ", 95 %: " (range) } }
            li { b { (shown(report.expected_accuracy)) } "expected from confidences" }
            li { b { (count(report.labelled)) } "labelled, " (percent(report.coverage)) " of " (count(report.predictions)) }
            @if let Some(f1) = report.macro_f1 { li { b { (decimals(f1)) } "macro F1" } }
            @if let Some(lag) = report.lag_p50_seconds { li { b { (seconds(lag)) } "until a label comes, median" } }
        }
    }
}

fn interval(report: &QualityReport) -> Option<String> {
    let (low, high) = wilson(report.accuracy?, report.labelled)?;
    Some(format!("{} – {}", percent(low), percent(high)))
}

fn regression(errors: &RegressionQuality) -> Markup {
    html! {
        dl {
            dt { "Mean absolute error" } dd { (decimals(errors.mae)) }
            dt { "Root mean squared error" } dd { (decimals(errors.rmse)) }
            dt { "Bias" } dd { (decimals(errors.bias)) }
            @if let Some(r2) = errors.r2 { dt { "R²" } dd { (decimals(r2)) } }
            @if let (Some(share), Some(tolerance)) = (errors.within_tolerance, errors.tolerance) {
                dt { "Within " (decimals(tolerance)) } dd { (bar(share)) }
            }
        }
    }
}

fn classes(report: &QualityReport) -> Markup {
    let mut classes: Vec<_> = report.classes.iter().collect();
    classes.sort_by(|a, b| a.f1.total_cmp(&b.f1));
    html! {
        div.table { table {
            caption { "By class, the worst first" }
            thead { tr {
                th scope="col" { "Class" } th scope="col" { "Precision" } th scope="col" { "Recall" } th.n scope="col" { "F1" } th.n scope="col" { "n" }
            } }
            tbody { @for class in classes.into_iter().take(MOST_CLASSES) {
                tr {
                    th scope="row" { (short(&class.class, 40)) }
                    td { (bar(class.precision)) } td { (bar(class.recall)) } td.n { (decimals(class.f1)) } td.n { (count(class.support)) }
                }
            } }
        } }
    }
}

/// What was predicted where something else was true. Of many classes, those are shown that were confused most.
fn confusion(pairs: &[(String, String, i64)]) -> Markup {
    let mut confused: Vec<_> = pairs.iter().filter(|(predicted, truth, _)| predicted != truth).collect();
    if confused.is_empty() {
        return html! {};
    }
    confused.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
    let mut names = BTreeSet::new();
    for (predicted, truth, _) in &confused {
        if names.len() + 2 <= MOST_CLASSES {
            names.extend([predicted.as_str(), truth.as_str()]);
        }
    }
    let number = |predicted: &str, truth: &str| {
        pairs.iter().find(|(p, t, _)| p == predicted && t == truth).map_or(0, |(.., count)| *count)
    };
    html! {
        div.table { table.matrix {
            caption { "Predicted (columns) where this was true (rows)" }
            thead { tr { td {} @for predicted in &names { th.n scope="col" { (short(predicted, 14)) } } } }
            tbody { @for truth in &names { tr {
                th scope="row" { (short(truth, 24)) }
                @for predicted in &names {
                    @let count = number(predicted, truth);
                    td class=[(predicted == truth).then_some("right").or((count > 0).then_some("wrong"))] {
                        @if count > 0 { (count) } @else { span.quiet { "·" } }
                    }
                }
            } } }
        } }
    }
}

fn calibration(report: &QualityReport, calibrated: &[CalibratedRange]) -> String {
    let n: u64 = calibrated.iter().map(|range| range.labelled).sum();
    let error =
        report.calibration_error.map(|error| format!("{} apart on average", percent(error))).unwrap_or_default();
    format!("Confidence and accuracy: {error} (n = {})", count(n))
}

fn point(range: &CalibratedRange) -> CalibrationPoint {
    let CalibratedRange { labelled, confidence, accuracy } = *range;
    let reach = WITHIN * (confidence * (1.0 - confidence) / labelled as f64).sqrt();
    CalibrationPoint { confidence, accuracy, noise: ((confidence - reach).max(0.0), (confidence + reach).min(1.0)) }
}
