//! Giving predictions their true labels, the least confident first.
//!
//! Rule of thumb: one prediction at a time, one key a class. A label is stored as `POST /feedback` stores it, so it can be corrected
//! and is never taken back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::Response;
use maud::{Markup, html};
use monitoring::{ApiError, ErrorCode, KeyName};
use pages::plots::bar;
use pages::{Query, at, count, percent, redirect};
use prediction_record::{Status, Task};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::label_choices::LabelChoices;
use super::parameters::{PageParameters, question};
use super::predictions::answer;
use super::site::{LABEL, page};
use crate::analysis::number_of;
use crate::app::App;
use crate::ingest::body::ReceivedBody;
use crate::ingest::feedback;
use crate::openapi::refusal_sets::{FormRefusals, QueryRefusals};
use crate::queries::parameters::{TagParameters, refused};
use crate::queries::predictions::{PredictionsQuery, one_of, page_of};
use crate::queries::quality;
use crate::store::{PredictionPage, StoredPrediction};

/// The newest predictions without a label, of which the least confident comes first.
const CANDIDATES: usize = 200;
/// The source of a label that was given without a key.
const NOBODY: &str = "page";
/// Parameters of the page itself; all others are filters of `GET /predictions`.
const OWN: [&str; 4] = ["skip", "event_id", "done", "as"];
/// Parameters that this page decides.
const DECIDED: [&str; 7] = ["skip", "event_id", "done", "as", "limit", "cursor", "status"];

/// What the page takes beside the filters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes what the page reads out of the address")]
pub(crate) struct LabelParameters {
    /// So many of the least confident are passed over.
    #[param(minimum = 0, maximum = 200)]
    skip: Option<u64>,
    /// This prediction first, whether or not it has a label.
    #[param(format = "uuid")]
    event_id: Option<String>,
    /// The prediction that was labelled last.
    #[param(format = "uuid")]
    done: Option<String>,
    /// The label that it was given.
    r#as: Option<String>,
}

/// A form with one label.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelForm {
    /// The prediction that is meant.
    #[schema(format = "uuid")]
    event_id: String,
    /// What was true.
    #[schema(max_length = 256)]
    label: String,
    /// The filters with which it goes on.
    #[serde(default)]
    back: String,
}

/// A prediction to be labelled
#[utoipa::path(
    get,
    path = "/ui/label",
    operation_id = "labelPage",
    tag = "pages",
    params(PredictionsQuery, TagParameters, LabelParameters),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn label(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    Ok(page("", LABEL, &content(&app, &PageParameters::of_form(&uri)?).await?))
}

/// Stores the label that a form gives, and leads to the next prediction
#[utoipa::path(
    post,
    path = "/ui/label",
    operation_id = "giveLabel",
    tag = "pages",
    request_body(content = LabelForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "It is stored; `Location` is the next prediction"), FormRefusals)
)]
pub(crate) async fn give_label(State(app): State<App>, request: Request<Body>) -> Result<Response, ApiError> {
    let giver = request.extensions().get::<KeyName>().map(|KeyName(name)| Arc::clone(name));
    let form: LabelForm = ReceivedBody::receive(&app, request).await?.form()?;
    let back: Uri = format!("/?{}", form.back).parse().map_err(|_| refused("back is no query"))?;
    let next = PageParameters::of(&back)?.but(&OWN, "done", Some(&form.event_id));
    let labelled = one_of(&app, &form.event_id).await?;
    let label = form.label.trim();
    can_be_labelled(&labelled, label)?;
    let event_id = labelled.record.event_id.ok_or_else(|| ApiError::internal("a stored prediction has no id"))?;
    feedback::store(&app, vec![feedback::label_of(event_id, label, giver.as_deref().unwrap_or(NOBODY))?]).await?;
    Ok(redirect(&format!("label{}", next.with("as", label))))
}

/// Refuses a label that would be stored and never be counted.
fn can_be_labelled(prediction: &StoredPrediction, label: &str) -> Result<(), ApiError> {
    let refused = |sentence: &str| Err(ApiError::new(ErrorCode::InvalidInput, sentence));
    let record = &prediction.record;
    match record.task {
        _ if record.status == Status::Error => refused("A failed prediction has no true label."),
        Task::Regression if number_of(label).is_none() => {
            refused("The prediction is a number, and so is what was true; write it with a point, as in 1.5.")
        }
        Task::Raw => refused("A prediction that is neither a class nor a number has no true label."),
        _ => Ok(()),
    }
}

async fn content(app: &App, parameters: &PageParameters) -> Result<Markup, ApiError> {
    let asked = parameters.but(&DECIDED, "labelled", Some("false"));
    let page = page_of(app, &question(&asked.with("status", "success").with("limit", CANDIDATES))?).await?;
    let waiting = page.predictions.len();
    let skip = skipped(parameters, waiting)?;
    let chosen = match parameters.get("event_id") {
        Some(event_id) => Some(one_of(app, event_id).await?),
        None => least_confident(page, skip),
    };
    let model =
        chosen.as_ref().map(|chosen| chosen.record.model.clone()).or(parameters.get("model").map(str::to_owned));
    let progress = match &model {
        Some(model) => progress(app, model).await?,
        None => html! {},
    };
    let choices = match &chosen {
        Some(chosen) => LabelChoices::of(app, &chosen.record).await?,
        None => LabelChoices::default(),
    };
    let filters = parameters.but(&OWN, "labelled", None);
    Ok(html! {
        h1 { (LABEL) }
        (done(parameters, &filters))
        (progress)
        @match &chosen {
            None => p { "No prediction without a label passes the filter." },
            Some(chosen) => {
                (card(chosen))
                (form(chosen, &choices, &parameters.but(&["event_id", "done", "as"], "labelled", None)))
                p.quiet {
                    "Keys: 1 to 9 and 0 give a class, "
                    a data-key="s" href={ "label" (filters.clone().with("skip", (skip + 1).min(waiting))) } { kbd { "s" } " skips" } ", "
                    a data-key="o" href={ "predictions/" (chosen.record.event_id.map(|id| id.to_string()).unwrap_or_default()) } { kbd { "o" } " opens the prediction" }
                    ". " (count(waiting as u64)) @if waiting == CANDIDATES { " or more" } " wait; the least confident of the newest "
                    (CANDIDATES) " comes first."
                }
            }
        }
    })
}

fn skipped(parameters: &PageParameters, waiting: usize) -> Result<usize, ApiError> {
    let Some(skip) = parameters.get("skip") else { return Ok(0) };
    let skip: usize = skip.parse().map_err(|_| refused("skip: expected a whole number"))?;
    Ok(skip.min(waiting))
}

/// The prediction about which the model was least sure, behind so many. Those without a confidence come last.
fn least_confident(page: PredictionPage, skip: usize) -> Option<StoredPrediction> {
    let mut waiting = page.predictions;
    waiting.sort_by(|a, b| match (a.record.confidence, b.record.confidence) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    waiting.into_iter().nth(skip)
}

/// What was done last, and the way back to it.
fn done(parameters: &PageParameters, filters: &Query) -> Markup {
    let (Some(event_id), Some(given)) = (parameters.get("done"), parameters.get("as")) else { return html! {} };
    html! {
        p.right role="status" {
            "Stored: " (pages::short(given, 60)) ". "
            a data-key="u" href={ "label" (filters.clone().with("event_id", event_id)) } { kbd { "u" } " goes back to correct it" }
        }
    }
}

/// How many of the model's predictions are labelled, and how many of these were right.
async fn progress(app: &App, model: &str) -> Result<Markup, ApiError> {
    let asked = question(&Query::default().with("model", model).with("window", "7d"))?;
    let answer = quality::answer_of(app, &asked).await?;
    let files: Vec<_> = answer.models.iter().map(|judged| &judged.quality).collect();
    if files.is_empty() {
        return Ok(html! {});
    }
    let labelled: u64 = files.iter().map(|report| report.labelled).sum();
    let predictions: u64 = files.iter().map(|report| report.predictions).sum();
    let right: f64 = files.iter().filter_map(|report| Some(report.accuracy? * report.labelled as f64)).sum();
    let judged: u64 = files.iter().filter(|report| report.accuracy.is_some()).map(|report| report.labelled).sum();
    Ok(html! {
        p {
            b { (model) } ", 7 days: " (count(labelled)) " of " (count(predictions)) " labelled "
            (bar((labelled as f64 / predictions.max(1) as f64).min(1.0)))
            @if judged > 0 { ", " b { (percent(right / judged as f64)) " right" } }
        }
    })
}

/// What is known of the prediction.
fn card(prediction: &StoredPrediction) -> Markup {
    let record = &prediction.record;
    html! {
        section.card aria-label="Prediction" {
            p { span.big { (answer(prediction)) } @if let Some(confidence) = record.confidence { " " (bar(confidence)) } }
            @if let Some(known) = &prediction.true_label { p { "Its label now: " b { (known.label) } } }
            p.quiet {
                (record.model) @if let Some(version) = &record.version { " " (version) }
                @if let Some(time) = record.occurred_at { " · " (at(time)) " UTC" }
                @if let Some(request) = &record.request_id { " · " code { (pages::short(request, 40)) } }
            }
            @if !record.features.is_empty() {
                dl { @for (name, value) in record.features.iter() {
                    dt { (name) } dd { (serde_json::to_string(value).unwrap_or_default()) }
                } }
            }
            @if !record.tags.is_empty() { p.quiet { @for (key, value) in &record.tags { (key) " = " (value) " " } } }
        }
    }
}

fn form(prediction: &StoredPrediction, choices: &LabelChoices, back: &Query) -> Markup {
    let record = &prediction.record;
    let can_be_labelled = record.status == Status::Success;
    html! {
        @if can_be_labelled {
            form.labels method="post" aria-label="True label" {
                input type="hidden" name="event_id" value=(record.event_id.map(|id| id.to_string()).unwrap_or_default());
                input type="hidden" name="back" value=(back.to_string().trim_start_matches('?'));
                @for (place, name) in choices.classes.iter().enumerate() {
                    @let key = (place < 10).then_some((place + 1) % 10);
                    button name="label" value=(name) data-key=[key] {
                        @if let Some(key) = key { kbd { (key) } " " } (pages::short(name, 40))
                    }
                }
            }
            form.labels method="post" aria-label="Another label" {
                input type="hidden" name="event_id" value=(record.event_id.map(|id| id.to_string()).unwrap_or_default());
                input type="hidden" name="back" value=(back.to_string().trim_start_matches('?'));
                label { (if choices.are_numbers { "The true value" } else { "Another label" })
                    input name="label" required maxlength="256" inputmode=[choices.are_numbers.then_some("decimal")];
                }
                button { "Store" }
            }
        } @else { p { "A failed prediction has no label." } }
    }
}
