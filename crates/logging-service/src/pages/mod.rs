//! The pages for people, under `/ui/`; `/` leads a browser there.
//!
//! Rule of thumb: a page asks what the API is asked, in the same words, and shows the same answer. So its address can be shared,
//! and no figure of a page has another source than that of the API.

pub(crate) mod compare;
mod dashboards;
pub(crate) mod data;
pub(crate) mod drift;
pub(crate) mod label;
mod label_choices;
pub(crate) mod login;
pub(crate) mod overview;
mod parameters;
pub(crate) mod prediction;
pub(crate) mod predictions;
pub(crate) mod quality;
mod refused;
pub(crate) mod report;
mod site;
mod window_page;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use monitoring::{ApiError, ErrorCode, Routes};
use pages::{page_file, prefers_page, redirect};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use refused::REFUSALS;
use site::SERVICE;

use crate::app::App;

/// The routes of the pages.
pub(crate) fn routes(app: &App) -> Routes {
    Routes::new()
        .get("/", home)
        .get("/ui", overview::overview)
        .get("/ui/predictions", predictions::predictions)
        .get("/ui/predictions/{event_id}", prediction::prediction)
        .get("/ui/label", label::label)
        .post("/ui/label", label::give_label)
        .get("/ui/login", login::login)
        .post("/ui/login", login::log_in)
        .post("/ui/logout", login::log_out)
        .get("/ui/quality", quality::quality)
        .get("/ui/drift", drift::drift)
        .get("/ui/compare", compare::compare)
        .get("/ui/data", data::data)
        .get("/ui/report/{model}", report::report)
        .get("/ui/{file}", file)
        .with_state(app.clone())
}

/// What the service is, for a program that asks at its root.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceFacts {
    service: &'static str,
    version: &'static str,
    /// Where its pages are.
    pages: &'static str,
    /// Where its description is.
    openapi: &'static str,
}

/// What this service is
///
/// A browser, which asks for `text/html`, is sent to the pages at `/ui`.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "home",
    tag = "pages",
    responses((status = 200, description = "Its name, its version, and where to go on", body = ServiceFacts))
)]
pub(crate) async fn home(headers: HeaderMap) -> Response {
    if prefers_page(&headers) {
        return redirect("ui");
    }
    let version = env!("CARGO_PKG_VERSION");
    // Another client may be answered something else.
    let vary = [(header::VARY, HeaderValue::from_static("accept"))];
    (vary, Json(ServiceFacts { service: SERVICE, version, pages: "/ui", openapi: "/openapi.json" })).into_response()
}

monitoring::refusals! {
    /// The refusals of a file of the pages.
    pub(crate) NoSuchFile: NotFound;
}

/// A file that the pages load
#[utoipa::path(
    get,
    path = "/ui/{file}",
    operation_id = "pageFile",
    tag = "pages",
    params(("file" = String, Path, description = "Its name", example = "style.css")),
    responses(
        (status = 200, description = "The file", content((String = "text/css"), (String = "text/javascript"))),
        NoSuchFile
    )
)]
pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, ApiError> {
    page_file(&name)
        .ok_or_else(|| ApiError::new(ErrorCode::NotFound, "There is no such page; /ui leads to all of them."))
}
