//! Two windows, or two files of a model, side by side.
//!
//! Rule of thumb: a difference stands with the range in which it lies, and a sentence says whether chance explains it.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::plots::{BinPlot, PlotBin};
use pages::{Query, count, decimals, minute, percent, short};
use prediction_record::parse_time;
use serde::Deserialize;
use utoipa::IntoParams;

use super::drift::sentence;
use super::parameters::{PageParameters, question};
use super::site::{COMPARE, page};
use crate::analysis::{
    CountedShare, DriftReport, QualityReport, WindowCounts, compare as distance, difference, shown_bins,
};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::model_window::{JudgedModels, WindowFacts, judge_models};
use crate::queries::parameters::refused;
use crate::queries::quality::report_of;
use crate::store::Store;

/// Features that are drawn.
const DRAWN: usize = 12;
/// A day, in seconds.
const DAY: i64 = 86_400;

/// What is compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes what the page reads out of the address")]
pub(crate) struct CompareParameters {
    /// Name of the model.
    model: Option<String>,
    /// The beginning of the one side; a day before its end if it is left out.
    #[param(format = DateTime)]
    since: Option<String>,
    /// The end of the one side; now if it is left out.
    #[param(format = DateTime)]
    until: Option<String>,
    /// The beginning of the other side; as long before its end as the one side is long, if it is left out.
    #[param(format = DateTime)]
    than_since: Option<String>,
    /// The end of the other side; where the one begins if it is left out.
    #[param(format = DateTime)]
    than_until: Option<String>,
    /// SHA-256 of the model's file on the one side, or how it begins; the file in service if it is left out.
    file: Option<String>,
    /// The same of the other side. Where it alone is named, both sides have the same range.
    than_file: Option<String>,
}

const FIELDS: [&str; 7] = ["model", "since", "until", "than_since", "than_until", "file", "than_file"];

/// Two windows or files of a model, compared
#[utoipa::path(
    get,
    path = "/ui/compare",
    operation_id = "comparePage",
    tag = "pages",
    params(CompareParameters),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn compare(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    Ok(page("", COMPARE, &content(&app.store, &PageParameters::of_form(&uri)?).await?))
}

/// One side of a comparison.
struct ComparedSide {
    facts: WindowFacts,
    report: QualityReport,
    counts: WindowCounts,
}

/// The ranges of both sides.
struct ComparedRanges {
    now: TimesOfSide,
    than: TimesOfSide,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct TimesOfSide {
    since: Timestamp,
    until: Timestamp,
}

async fn content(store: &Store, parameters: &PageParameters) -> Result<Markup, ApiError> {
    if let Some((name, _)) = parameters.beside(&FIELDS).next() {
        return Err(refused(&format!("{name} is not known here")));
    }
    let ranges = ranges(parameters)?;
    let form = form(parameters, &ranges);
    let Some(model) = parameters.get("model") else {
        return Ok(
            html! { h1 { (COMPARE) } (form) p { "Name a model. Without times, the last day is compared with the one before." } },
        );
    };
    let now = side(store, model, ranges.now, parameters.get("file")).await?;
    let than_file = parameters.get("than_file");
    let than = side(store, model, ranges.than, than_file).await?;
    Ok(html! {
        h1 { (COMPARE) }
        (form)
        @match (&now, &than) {
            (Some(now), Some(than)) => (both(now, than)),
            (None, _) => p { "No predictions of " b { (model) } " from " (minute(ranges.now.since)) " to " (minute(ranges.now.until)) " UTC." },
            (_, None) => p { "No predictions of " b { (model) } " from " (minute(ranges.than.since)) " to " (minute(ranges.than.until)) " UTC to compare with." },
        }
    })
}

fn ranges(parameters: &PageParameters) -> Result<ComparedRanges, ApiError> {
    let time = |name: &str| {
        let text = parameters.get(name).map(parse_time).transpose();
        text.map_err(|_| refused(&format!("{name}: expected a time such as 2026-03-01T12:30:00Z")))
    };
    let before = |time: Timestamp, seconds: i64| {
        Timestamp::from_second(time.as_second().saturating_sub(seconds))
            .map_err(|_| refused("a range begins too early"))
    };
    let until = time("until")?.unwrap_or_else(Timestamp::now);
    let since = time("since")?.map_or_else(|| before(until, DAY), Ok)?;
    let now = TimesOfSide { since, until };
    let (than_since, than_until) = (time("than_since")?, time("than_until")?);
    if parameters.get("than_file").is_some() && than_since.is_none() && than_until.is_none() {
        return Ok(ComparedRanges { now, than: now });
    }
    let length = (until.as_second() - since.as_second()).max(1);
    let than_until = than_until.unwrap_or(since);
    let than_since = than_since.map_or_else(|| before(than_until, length), Ok)?;
    Ok(ComparedRanges { now, than: TimesOfSide { since: than_since, until: than_until } })
}

/// The counts of a file of the model in a range: of the one that is named, or of the one in service.
async fn side(
    store: &Store,
    model: &str,
    times: TimesOfSide,
    file: Option<&str>,
) -> Result<Option<ComparedSide>, ApiError> {
    let asked = Query::default().with("model", model).with("since", times.since).with("until", times.until);
    let asked = question(&asked)?;
    let judged = judge_models(store, &asked, |facts, judged| ComparedSide {
        facts,
        report: report_of(judged),
        counts: judged.counts.clone(),
    });
    let JudgedModels { models, .. } = judged.await?;
    let is_meant = |side: &ComparedSide| {
        file.is_none_or(|file| side.facts.model_sha256.as_deref().unwrap_or_default().starts_with(file))
    };
    Ok(models.into_iter().find(is_meant))
}

fn form(parameters: &PageParameters, ranges: &ComparedRanges) -> Markup {
    let value = |name: &str| parameters.get(name).unwrap_or_default().to_owned();
    // A time that was not given stays open, so that the other ones decide it.
    let time = |name: &str, time: Timestamp| {
        parameters.get(name).map(|_| time.strftime("%Y-%m-%dT%H:%M:%S").to_string()).unwrap_or_default()
    };
    html! {
        form.filter method="get" aria-label="What is compared" {
            label { "Model" input name="model" value=(value("model")) required maxlength="128"; }
            label { "From, UTC" input type="datetime-local" step="1" name="since" value=(time("since", ranges.now.since)); }
            label { "Until" input type="datetime-local" step="1" name="until" value=(time("until", ranges.now.until)); }
            label { "File (SHA-256)" input name="file" value=(value("file")) maxlength="64" size="10"; }
            label { "Compared with: from" input type="datetime-local" step="1" name="than_since" value=(time("than_since", ranges.than.since)); }
            label { "Until" input type="datetime-local" step="1" name="than_until" value=(time("than_until", ranges.than.until)); }
            label { "File" input name="than_file" value=(value("than_file")) maxlength="64" size="10"; }
            button { "Compare" }
        }
    }
}

fn both(now: &ComparedSide, than: &ComparedSide) -> Markup {
    let report = distance(&than.counts, &now.counts);
    let bins = shown_bins(&than.counts, &now.counts);
    html! {
        (table(now, than))
        h2 { "Distributions" }
        (verdict(&report))
        p.key { "Shares of predictions:" span.swatch.then {} "compared with" span.swatch.now {} "the first range" }
        @for feature in super::drift::sorted(&report.features).into_iter().take(DRAWN) {
            @if let Some(shown) = bins.iter().find(|shown| shown.feature == feature.feature) {
                (BinPlot { caption: sentence(feature), bins: shown.bins.iter().map(plotted).collect() }.markup())
            }
        }
    }
}

fn plotted(bin: &crate::analysis::ShownBin) -> PlotBin {
    PlotBin { name: bin.name.clone(), reference: bin.reference, current: bin.current }
}

fn verdict(report: &DriftReport) -> Markup {
    html! {
        p {
            "The worst of " (report.features.len()) " features: " b { (report.verdict.as_str()) }
            " (n = " (count(report.samples)) ", compared with " (count(report.reference_samples)) ")."
        }
    }
}

fn table(now: &ComparedSide, than: &ComparedSide) -> Markup {
    let name = |side: &ComparedSide| {
        html! {
            (minute(side.facts.since)) " to " (minute(side.facts.until))
            @if let Some(digest) = &side.facts.model_sha256 { br; code.quiet title=(digest) { (short(digest, 9)) } }
        }
    };
    let number = |value: Option<f64>| value.map_or("–".to_owned(), decimals);
    let share = |value: Option<f64>| value.map_or("–".to_owned(), percent);
    let [a, b] = [than, now].map(|side| &side.report);
    html! {
        div.table { table {
            caption { "Times are UTC. Differences stand with the range in which they lie with 95 %, as if both sides were independent." }
            thead { tr { td {} th scope="col" { (name(than)) } th scope="col" { (name(now)) } th scope="col" { "Difference" } } }
            tbody {
                tr { th scope="row" { "Answered predictions" } td { (count(than.counts.predictions)) } td { (count(now.counts.predictions)) } td {} }
                tr { th scope="row" { "Failed" } td { (share(Some(failed(than).share))) } td { (share(Some(failed(now).share))) } td.wide { (told(failed(than), failed(now), false)) } }
                tr { th scope="row" { "Labelled" } td { (count(a.labelled)) } td { (count(b.labelled)) } td {} }
                @if let (Some(before), Some(after)) = (right(a), right(b)) {
                    tr { th scope="row" { "Accuracy" } td { (percent(before.share)) } td { (percent(after.share)) } td.wide { (told(before, after, true)) } }
                }
                tr { th scope="row" { "Expected from confidences" } td { (share(a.expected_accuracy)) } td { (share(b.expected_accuracy)) } td {} }
                @if a.macro_f1.or(b.macro_f1).is_some() {
                    tr { th scope="row" { "Macro F1" } td { (number(a.macro_f1)) } td { (number(b.macro_f1)) } td {} }
                }
                @if a.calibration_error.or(b.calibration_error).is_some() {
                    tr { th scope="row" { "Calibration error" } td { (share(a.calibration_error)) } td { (share(b.calibration_error)) } td {} }
                }
                @let errors = |report: &QualityReport| report.regression.as_ref().map(|errors| errors.mae);
                @if errors(a).or(errors(b)).is_some() {
                    tr { th scope="row" { "Mean absolute error" } td { (number(errors(a))) } td { (number(errors(b))) } td {} }
                }
            }
        } }
    }
}

fn failed(side: &ComparedSide) -> CountedShare {
    let n = side.counts.predictions + side.counts.errors;
    CountedShare { share: side.counts.errors as f64 / n.max(1) as f64, n }
}

fn right(report: &QualityReport) -> Option<CountedShare> {
    Some(CountedShare { share: report.accuracy?, n: report.labelled })
}

/// The difference of two shares in a sentence; `more_is_better` says which way is good.
fn told(before: CountedShare, after: CountedShare, more_is_better: bool) -> Markup {
    let Some((low, high)) = difference(before, after) else { return html! { span.quiet { "nothing to compare" } } };
    let points = |share: f64| format!("{:+.1}", share * 100.0);
    let range = format!("{} points ({} to {})", points(after.share - before.share), points(low), points(high));
    html! {
        (range) ": "
        @if low <= 0.0 && high >= 0.0 { "chance explains it" }
        @else if (low > 0.0) == more_is_better { span.right { "better" } }
        @else { span.wrong { "worse" } }
    }
}
