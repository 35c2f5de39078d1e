//! What pages about the models' files in a window have in common.

use axum::http::Uri;
use maud::{Markup, html};
use monitoring::ApiError;

use super::parameters::PageParameters;
use crate::app::App;
use crate::evaluation::EvaluationWindow;
use crate::queries::model_window::{JudgedModels, WindowJudge, judge_models};

/// Files of models that one page shows.
const MOST_FILES: usize = 10;

/// A page about each model's file in a window.
pub(super) struct WindowPage<T> {
    pub(super) title: &'static str,
    /// What explains the page; it stands before the files.
    pub(super) key: Markup,
    /// Takes from the counts of a file what is shown of it.
    pub(super) judge: WindowJudge<T>,
    /// Shows a file.
    pub(super) show: fn(&T) -> Markup,
}

impl<T: Send + 'static> WindowPage<T> {
    /// The content for the window that the address asks for.
    ///
    /// # Errors
    /// Those of the question.
    pub(super) async fn content(&self, app: &App, uri: &Uri) -> Result<Markup, ApiError> {
        let parameters = PageParameters::of(uri)?;
        let JudgedModels { models, left_out } = judge_models(app, &parameters.question()?, self.judge).await?;
        let more = (models.len().saturating_sub(MOST_FILES) as u64).saturating_add(left_out.unwrap_or_default());
        Ok(html! {
            h1 { (self.title) }
            (choice(&parameters))
            (self.key)
            @if models.is_empty() { p { "No predictions in this window." } }
            @for file in models.iter().take(MOST_FILES) { ((self.show)(file)) }
            @if more > 0 { p { (more) " more files; choose a model in the overview." } }
        })
    }
}

/// Links to the same page for other windows, and to all models.
pub(super) fn choice(parameters: &PageParameters) -> Markup {
    let [since, until] = ["since", "until"].map(|name| parameters.get(name));
    let is_range = since.is_some() || until.is_some();
    let chosen = parameters.get("window").unwrap_or(if is_range { "" } else { EvaluationWindow::Day.as_str() });
    let of_window = |window: &str| parameters.but(&["since", "until"], "window", Some(window)).to_string();
    html! {
        p.windows {
            "The last "
            @for window in EvaluationWindow::ALL {
                a href=(of_window(window.as_str())) aria-current=[(window.as_str() == chosen).then_some("true")] { (window.as_str()) }
            }
            @if is_range { "Now from " b { (since.unwrap_or("the beginning")) } " to " b { (until.unwrap_or("now")) } " " }
            @if let Some(model) = parameters.get("model") {
                "of " b { (model) } " " a href=(parameters.but(&["model"], "by", None).to_string()) { "all models" }
            }
        }
    }
}
