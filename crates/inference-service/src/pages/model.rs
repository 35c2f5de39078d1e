//! One model: what it takes and gives, a form to try it, and what does the same without a page.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use monitoring::ApiError;
use pages::{Query, decimals};
use prediction_record::{FeatureDeclaration, FeatureKind};

use super::commands::SameCommands;
use super::example::{example, value_of};
use super::models::state;
use super::site::page;
use crate::app::App;
use crate::model::{Engine, ModelFeatures};
use crate::model_listing::ListedModel;
use crate::oip::metadata::TensorMetadata;
use crate::refusals::ModelRefusals;
use crate::serving::ModelState;

/// Labels and features that are shown; the list of all has the others.
const MOST: usize = 200;

/// A model, and a form to try it
#[utoipa::path(
    get,
    path = "/ui/models/{model}",
    operation_id = "modelPage",
    tag = "pages",
    params(("model" = String, Path, description = "Its name", example = "cifar10")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), ModelRefusals)
)]
pub(crate) async fn model(State(app): State<App>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let model = app.models.find(Some(&name))?;
    let listed = ListedModel::new(&app, &model);
    let engine = match &model.state {
        ModelState::Ready(versions) => Some(&*versions.serving.engine),
        _ => None,
    };
    let content = html! {
        h1 { (listed.name) }
        p { (state(&listed)) @if let Some(problem) = &listed.error { ": " span.wrong { (problem) } } }
        @if let Some(engine) = engine {
            (form(&app, engine))
            (same(&app, engine))
            (facts(&listed, engine))
        }
        @if let Some(log) = app.config.log.pages() {
            p { a href={ (log) "ui/predictions" (Query::default().with("model", &listed.name)) } { "What it has answered" } }
        }
    };
    Ok(page("../", &listed.name, &content))
}

/// The form that asks the model; a script sends it, and shows the answer.
fn form(app: &App, engine: &Engine) -> Markup {
    let features = engine.features().map(ModelFeatures::columns).unwrap_or_default();
    let takes_pictures = engine.config().input.is_some();
    html! {
        h2 { "Try it" }
        noscript { p { "The form needs a script; the commands below do the same." } }
        form.try hidden data-predict={ "../../predict" (Query::default().with("model", engine.name()).with("top_k", top_k(engine))) } aria-label="Try the model" {
            @if app.config.security.api_keys.is_some() {
                label { "Key of this service" input type="password" name="key" autocomplete="off"; }
            }
            @if takes_pictures {
                label.drop { "Pictures: choose, or drop them here" input type="file" name="pictures" accept="image/*" multiple; }
            }
            @if !features.is_empty() {
                fieldset { legend { "A row" }
                    @for column in features.iter().take(MOST) { (field(&column.declaration)) }
                }
            }
            details open[!takes_pictures && features.is_empty()] {
                summary { "As JSON" }
                label { "The body of the request"
                    textarea name="json" rows="8" spellcheck="false" {
                        (example(engine).and_then(|body| serde_json::to_string_pretty(&body).ok()).unwrap_or_default())
                    }
                }
                button name="send" value="json" { "Send the JSON" }
            }
            @if takes_pictures { button name="send" value="pictures" { "Send the pictures" } }
            @if !features.is_empty() { button name="send" value="row" { "Send the row" } }
        }
        div data-answer aria-live="polite" {}
        script src="../predict.js" defer {}
    }
}

/// Classes of an answer: all that a page can show.
fn top_k(engine: &Engine) -> usize {
    engine.classes().map_or(1, |classes| classes.labels.len().clamp(1, 10))
}

fn field(feature: &FeatureDeclaration) -> Markup {
    let value = value_of(feature);
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let range = feature.range.map(|[least, greatest]| format!(" {} – {}", decimals(least), decimals(greatest)));
    html! {
        label {
            (feature.name) span.quiet { (range.unwrap_or_default()) @if feature.optional { " (may be empty)" } }
            @if feature.kind == FeatureKind::Number {
                input data-feature=(feature.name) data-kind="number" inputmode="decimal" value=(text);
            } @else if feature.categories.is_empty() {
                input data-feature=(feature.name) value=(text);
            } @else {
                select data-feature=(feature.name) {
                    @if feature.optional { option value="" { "" } }
                    @for category in feature.categories.iter().take(MOST) { option value=(category) { (category) } }
                }
            }
        }
    }
}

/// The commands that do the same.
fn same(app: &App, engine: &Engine) -> Markup {
    let address = format!("http://localhost:{}/predict?model={}", app.config.listen.port(), engine.name());
    let commands = match (engine.config().input.is_some(), example(engine)) {
        (true, _) => SameCommands::of_picture(&address),
        (false, Some(body)) => SameCommands::of_json(&address, &body),
        (false, None) => return html! {},
    };
    html! {
        h2 { "The same without a page" }
        pre tabindex="0" { (commands.shell) }
        pre tabindex="0" { (commands.python) }
    }
}

fn facts(listed: &ListedModel, engine: &Engine) -> Markup {
    html! {
        h2 { "What it is" }
        dl {
            @if let Some(task) = listed.task { dt { "Task" } dd { (task) } }
            @if let Some(versions) = &listed.versions { dt { "Versions" } dd { (versions.join(", ")) " (" (engine.version()) " serves)" } }
            @if let Some(digest) = &listed.sha256 { dt { "File" } dd { code { (digest) } } }
            @if let Some(name) = listed.engine { dt { "Engine" } dd { (name) @if let Some(why) = &listed.engine_because { span.quiet { ": " (why) } } } }
            @if let Some(picture) = &listed.input { dt { "Pictures" } dd { (picture.width) " × " (picture.height) ", " (picture.colour) "; others are made to fit" } }
            @if let Some(batching) = &listed.batching { dt { "Batches" } dd { "of up to " (batching.limit) @if let Some(why) = &batching.single_because { span.quiet { ": " (why) } } } }
        }
        (tensors("Takes", listed.inputs.as_deref().unwrap_or_default()))
        (tensors("Gives", listed.outputs.as_deref().unwrap_or_default()))
        @if let Some(labels) = &listed.labels {
            h3 { (labels.len()) " classes" }
            p { @for label in labels.iter().take(MOST) { span.tag { (label) } " " } @if labels.len() > MOST { "… " a href="../../models" { "all of them" } } }
        }
    }
}

fn tensors(what: &str, tensors: &[TensorMetadata]) -> Markup {
    html! {
        div.table { table {
            caption { (what) "; -1 is any length" }
            thead { tr { th scope="col" { "Name" } th scope="col" { "Type" } th scope="col" { "Shape" } } }
            tbody { @for tensor in tensors.iter().take(MOST) { tr {
                th scope="row" { (tensor.name) @if tensor.optional { span.quiet { " (optional)" } } } td { (tensor.datatype) } td.wide { (format!("{:?}", tensor.shape)) }
            } } }
        } }
    }
}
