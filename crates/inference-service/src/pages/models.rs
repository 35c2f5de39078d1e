//! The models: whether they serve, what they do, and where to go on.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use pages::short;

use super::site::{MODELS, page};
use crate::app::App;
use crate::model_listing::{ListedModel, ListedState};

/// Models of one page.
const MOST: usize = 100;
/// The most characters of what is wrong with a model; its page has the rest.
const PROBLEM: usize = 200;

/// The models
#[utoipa::path(
    get,
    path = "/ui",
    operation_id = "modelsPage",
    tag = "pages",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub(crate) async fn models(State(app): State<App>) -> Response {
    page("ui/", MODELS, &content(&app))
}

fn content(app: &App) -> Markup {
    let all = app.models.all();
    let mut listed: Vec<ListedModel> = all.iter().map(|model| ListedModel::new(app, model)).collect();
    // What does not serve comes first.
    listed.sort_by_key(|model| model.state == ListedState::Ready && model.error.is_none());
    let left_out = listed.len().saturating_sub(MOST);
    html! {
        h1 { (MODELS) }
        p {
            "This service answers predictions: a picture, a row or a tensor goes to " code { "POST /predict" } ", and the answer comes back with its "
            "probability. Choose a model to try it."
        }
        @if listed.is_empty() { p { "There is no model. Put one as NAME/1/model.onnx into " code { (app.config.models.display()) } "." } } @else {
            (table(&listed[..listed.len().min(MOST)]))
        }
        @if left_out > 0 { p { (left_out) " more models are in " a href="models" { "the list of all" } "." } }
        (links(app))
    }
}

fn table(listed: &[ListedModel]) -> Markup {
    html! {
        div.table { table {
            thead { tr {
                th scope="col" { "Model" } th scope="col" { "State" } th scope="col" { "Task" } th scope="col" { "Version" } th scope="col" { "Engine" }
                th scope="col" { "What is wrong" }
            } }
            tbody { @for model in listed { tr {
                th scope="row" { a href={ "ui/models/" (model.name) } { (model.name) } @if model.default { span.quiet { " default" } } }
                td { (state(model)) }
                td { (model.task.unwrap_or("–")) }
                td { (model.version.as_deref().unwrap_or("–")) }
                td { (model.engine.unwrap_or("–")) }
                td.wide { @if let Some(problem) = &model.error { (short(problem, PROBLEM)) } }
            } } }
        } }
    }
}

/// Whether a model serves.
pub(super) fn state(model: &ListedModel) -> Markup {
    match model.state {
        ListedState::Ready if model.error.is_some() => html! { span.warn { "serves an older version" } },
        ListedState::Ready => html! { span.right { "serves" } },
        ListedState::Loading => html! { "is being loaded" },
        ListedState::Failed => html! { span.wrong { "cannot be loaded" } },
        ListedState::Unloaded => html! { span.quiet { "is not loaded" } },
    }
}

fn links(app: &App) -> Markup {
    html! {
        h2 { "More" }
        ul {
            @if let Some(log) = app.config.log.pages() { li { a href={ (log) "ui" } { "What the models did" } ": predictions, quality, drift" } }
            li { a href="docs" { "The API" } ", where each request can be tried out" }
            li { a href="models" { "The models as JSON" } }
            li { a href="metrics" { "Metrics" } " for Prometheus" }
            li { a href="health" { "Health" } }
        }
    }
}
