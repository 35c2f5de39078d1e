//! A refusal as a page.

use axum::response::Response;
use maud::html;
use monitoring::{ApiError, LabelEnum as _, RefusalPage};
use pages::prefers_page;

use super::site::page;

/// Shows refusals below `/ui` as pages to who asks for pages.
pub(crate) const REFUSALS: RefusalPage = RefusalPage { folder: "/ui", has_login: false, prefers_page, show };

fn show(error: &ApiError, path: &str, request_id: &str) -> Response {
    let up = match path.trim_start_matches('/').matches('/').count() {
        0 => "ui/".to_owned(),
        below => "../".repeat(below - 1),
    };
    let content = html! {
        h1 { "This cannot be shown" }
        p.wrong role="alert" { (error.message) }
        @if let Some(seconds) = error.retry_after_seconds { p { "Try again in " (seconds) " s." } }
        p.quiet { code { (error.code.as_str()) } " · request " code { (request_id) } }
        p { a href={ (up) "../ui" } { "To the models" } }
    };
    page(&up, "Refused", &content)
}
