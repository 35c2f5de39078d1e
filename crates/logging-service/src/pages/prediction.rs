//! One prediction: what was answered, how long it took, and what the input was like.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::plots::{Part, bar, parts};
use pages::{Query, at, seconds};
use prediction_record::Status;

use super::dashboards;
use super::predictions::{answer, truth};
use super::site::{PREDICTIONS, page};
use crate::app::App;
use crate::openapi::refusal_sets::LookupRefusals;
use crate::queries::predictions::one_of;
use crate::store::StoredPrediction;

/// The page of the prediction with this event id
#[utoipa::path(
    get,
    path = "/ui/predictions/{event_id}",
    operation_id = "predictionPage",
    tag = "pages",
    params(("event_id" = String, Path, format = "uuid", example = "01a204b7-5bcf-7210-9e53-fceee37a8b25")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), LookupRefusals)
)]
pub(crate) async fn prediction(State(app): State<App>, Path(event_id): Path<String>) -> Result<Response, ApiError> {
    Ok(page("../", PREDICTIONS, &content(&app, &one_of(&app, &event_id).await?)?))
}

fn content(app: &App, prediction: &StoredPrediction) -> Result<Markup, ApiError> {
    let record = &prediction.record;
    let json = serde_json::to_string_pretty(prediction).map_err(ApiError::internal)?;
    Ok(html! {
        h1 { (answer(prediction)) }
        p.quiet {
            a href={ "../predictions" (Query::default().with("model", &record.model)) } { (record.model) }
            @if let Some(version) = &record.version { " " (version) }
            @if let Some(time) = record.occurred_at { " · " (at(time)) " UTC" }
        }
        @if let Some(confidence) = record.confidence { p { "Confidence " (bar(confidence)) } }
        @if let Some(known) = &prediction.true_label {
            p {
                "True label: " b { (truth(prediction)) }
                span.quiet { ", known since " (at(known.labelled_at)) " UTC" @if let Some(source) = &known.source { ", from " (source) } }
            }
        }
        @if record.status == Status::Success {
            p { a data-key="l" href={ "../label" (label_it(prediction)) } { kbd { "l" } @if prediction.true_label.is_some() { " corrects the label" } @else { " labels it" } } }
        }
        @if !record.top.is_empty() {
            h2 { "Answer" }
            div.table { table { tbody { @for score in &record.top {
                tr { th scope="row" { (score.label) } td { (bar(score.confidence)) } }
            } } } }
        }
        (timings(prediction))
        @if let Some(request) = &record.request_id {
            h2 { "Request" }
            p { a href={ "../predictions" (Query::default().with("request_id", request)) } { (request) } ", row " (record.row_index) }
            @if let Some(lines) = dashboards::of_request(&app.config, request, record.occurred_at) { p { a href=(lines) { "Its log lines and trace" } } }
        }
        @if !record.features.is_empty() {
            h2 { "Features" }
            div.table { table { tbody { @for (name, value) in record.features.iter() {
                tr { th scope="row" { (name) } td.wide { (serde_json::to_string(value).unwrap_or_default()) } }
            } } } }
        }
        @if !record.tags.is_empty() {
            h2 { "Tags" }
            dl { @for (key, value) in &record.tags { dt { (key) } dd { (value) } } }
        }
        h2 { "Record" }
        p { a href={ "../../predictions/" (record.event_id.map(|id| id.to_string()).unwrap_or_default()) } { "as JSON" } }
        pre tabindex="0" { (json) }
    })
}

fn label_it(prediction: &StoredPrediction) -> Query {
    let query = Query::default().with("model", &prediction.record.model);
    query.with_some("event_id", prediction.record.event_id)
}

/// Where the time went.
fn timings(prediction: &StoredPrediction) -> Markup {
    let record = &prediction.record;
    let Some(whole) = record.latency_seconds else { return html! {} };
    let known =
        [("decode", record.decode_seconds), ("queue", record.queue_seconds), ("model", record.inference_seconds)];
    let mut shown: Vec<Part> =
        known.into_iter().filter_map(|(name, seconds)| Some(Part { name, seconds: seconds? })).collect();
    let rest = whole - shown.iter().map(|part| part.seconds).sum::<f64>();
    shown.push(Part { name: "rest", seconds: rest.max(0.0) });
    html! {
        h2 { "Time: " (seconds(whole)) }
        (parts(&shown))
    }
}
