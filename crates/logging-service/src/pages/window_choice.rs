//! The windows and the model that a page is about.

use super::parameters::PageParameters;
use crate::evaluation::EvaluationWindow;
use maud::{Markup, html};

/// Links to the same page for other windows, and to all models.
pub(super) fn choice(parameters: &PageParameters) -> Markup {
    let chosen = parameters.get("window").unwrap_or("24h");
    html! {
        p.windows {
            "The last "
            @for window in EvaluationWindow::ALL {
                a href=(target(parameters, window)) aria-current=[(window.as_str() == chosen).then_some("true")] { (window.as_str()) }
            }
            @if let Some(model) = parameters.get("model") {
                "of " b { (model) } " " a href={ "?window=" (chosen) } { "all models" }
            }
        }
    }
}

fn target(parameters: &PageParameters, window: EvaluationWindow) -> String {
    parameters.but(&["since", "until"], "window", Some(window.as_str())).to_string()
}
