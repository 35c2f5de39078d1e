//! The predictions, with all filters of the API; the address has them all, so that it can be shared.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use monitoring::{ApiError, ErrorCode};
use pages::plots::bar;
use pages::{at, seconds, short};
use prediction_record::Status;

use super::parameters::PageParameters;
use super::site::{PREDICTIONS, page};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::parameters::TagParameters;
use crate::queries::predictions::{PredictionsQuery, page_of};
use crate::store::{PredictionPage, StoredPrediction};

/// Predictions of one page.
const LIMIT: &str = "50";
/// The parameters that the form has a field for, and the one that means another list.
pub(super) const LIST_FIELDS: [&str; 12] = [
    "model",
    "version",
    "label",
    "status",
    "defect",
    "since",
    "until",
    "min_confidence",
    "max_confidence",
    "request_id",
    "labelled",
    "cursor",
];
/// The most characters of a label in the list.
const LABEL: usize = 40;

/// The predictions that the filters let through
#[utoipa::path(
    get,
    path = "/ui/predictions",
    operation_id = "predictionsPage",
    tag = "pages",
    params(PredictionsQuery, TagParameters),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn predictions(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    Ok(page("", PREDICTIONS, &content(&app, &uri).await?))
}

async fn content(app: &App, uri: &Uri) -> Result<Markup, ApiError> {
    let parameters = PageParameters::of_form(uri)?;
    let found = match page_of(app, &parameters.question_with("limit", LIMIT)?).await {
        // The form stays, so that what is wrong can be mended.
        Err(refusal) if refusal.code == ErrorCode::InvalidRequest => Err(refusal.message),
        found => Ok(found?),
    };
    Ok(html! {
        h1 { (PREDICTIONS) }
        (filter(&parameters))
        @match found {
            Ok(found) => (list(&found, &parameters)),
            Err(sentence) => p.wrong role="alert" { (sentence) },
        }
    })
}

/// The form whose fields are the parameters of the API.
fn filter(parameters: &PageParameters) -> Markup {
    let is = |name: &str, value: &str| parameters.get(name) == Some(value);
    html! {
        form.filter method="get" aria-label="Filter" {
            (fields(parameters))
            label { "True label" select name="labelled" {
                option value="" { "any" }
                option value="true" selected[is("labelled", "true")] { "known" }
                option value="false" selected[is("labelled", "false")] { "not known" }
            } }
            @for (name, value) in parameters.beside(&LIST_FIELDS) { input type="hidden" name=(name) value=(value); }
            button { "Filter" }
            label.check hidden { input type="checkbox" data-follow; "Follow" }
        }
    }
}

/// The fields of the filters that lists and files share.
pub(super) fn fields(parameters: &PageParameters) -> Markup {
    let value = |name: &str| parameters.get(name).unwrap_or_default().to_owned();
    let time = |name: &str| value(name).trim_end_matches('Z').to_owned();
    let is = |name: &str, value: &str| parameters.get(name) == Some(value);
    html! {
        label { "Model" input name="model" value=(value("model")) maxlength="128"; }
        label { "Version" input name="version" value=(value("version")) maxlength="128" size="8"; }
        label { "Label" input name="label" value=(value("label")) maxlength="256"; }
        label { "Status" select name="status" {
            option value="" { "any" }
            option value="success" selected[is("status", "success")] { "success" }
            option value="error" selected[is("status", "error")] { "error" }
        } }
        label { "Defect" select name="defect" {
            option value="" { "any" }
            option value="true" selected[is("defect", "true")] { "yes" }
            option value="false" selected[is("defect", "false")] { "no" }
        } }
        label { "From, UTC" input type="datetime-local" step="1" name="since" value=(time("since")); }
        label { "Until, UTC" input type="datetime-local" step="1" name="until" value=(time("until")); }
        label { "Confidence from" input type="number" min="0" max="1" step="any" name="min_confidence" value=(value("min_confidence")); }
        label { "to" input type="number" min="0" max="1" step="any" name="max_confidence" value=(value("max_confidence")); }
        label { "Request" input name="request_id" value=(value("request_id")) maxlength="128"; }
    }
}

fn list(found: &PredictionPage, parameters: &PageParameters) -> Markup {
    html! {
        div data-live {
            @if found.predictions.is_empty() {
                p { "No prediction passes the filter" @if let Some(until) = found.looked_until { " down to " (at(until)) } "." }
            } @else {
                (table(&found.predictions, "newest first; times are UTC"))
            }
            @if let Some(cursor) = &found.next_cursor {
                p { a.button href=(parameters.but(&[], "cursor", Some(cursor)).to_string()) { "Older" } }
            }
        }
    }
}

/// Predictions, one a row.
pub(super) fn table(predictions: &[StoredPrediction], which: &str) -> Markup {
    html! {
        div.table { table {
            caption { (predictions.len()) " predictions, " (which) }
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Model" } th scope="col" { "Answer" } th scope="col" { "Confidence" } th scope="col" { "True label" }
                th.n scope="col" { "Latency" } th scope="col" { "Request" }
            } }
            tbody { @for prediction in predictions { (row(prediction)) } }
        } }
    }
}

fn row(prediction: &StoredPrediction) -> Markup {
    let record = &prediction.record;
    html! {
        tr {
            td { @if let (Some(time), Some(id)) = (record.occurred_at, record.event_id) { a href={ "predictions/" (id) } { (at(time)) } } }
            td { (record.model) @if let Some(version) = &record.version { span.quiet { " " (version) } } }
            td.wide { (answer(prediction)) }
            td { @if let Some(confidence) = record.confidence { (bar(confidence)) } @else { span.quiet { "–" } } }
            td.wide { (truth(prediction)) }
            td.n { (record.latency_seconds.map_or("–".to_owned(), seconds)) }
            td { @if let Some(request) = &record.request_id { code title=(request) { (short(request, 16)) } } }
        }
    }
}

/// What was true, where it is known. Only the quality of the model says how a label was counted; the sign tells the plain cases.
pub(super) fn truth(prediction: &StoredPrediction) -> Markup {
    let Some(known) = &prediction.true_label else { return html! {} };
    let is_same = prediction.record.label.as_ref().is_some_and(|answer| *answer == known.label);
    html! {
        @if is_same { span.right { "✓ " } }
        (short(&known.label, LABEL))
    }
}

/// What was answered.
pub(super) fn answer(prediction: &StoredPrediction) -> Markup {
    let record = &prediction.record;
    match (record.status, &record.label, record.value) {
        (Status::Error, ..) => {
            html! { span.wrong { "failed" } ": " (record.error_type.as_deref().unwrap_or("unspecified")) }
        }
        (_, Some(label), _) => html! { (short(label, LABEL)) @if record.defect { " " span.warn { "defect" } } },
        (_, None, Some(value)) => html! { (pages::decimals(value)) },
        _ => html! { span.quiet { "no label" } },
    }
}
