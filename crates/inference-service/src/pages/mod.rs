//! The pages for people, under `/ui`; `/` leads a browser there.
//!
//! Rule of thumb: a page shows what `GET /models` says, and asks a model as every client does: by `POST /predict`.

mod commands;
mod example;
pub(crate) mod model;
pub(crate) mod models;
mod refused;
mod site;

use axum::extract::Path;
use axum::response::Response;
use monitoring::{ApiError, ErrorCode, Routes};
use pages::page_file;

pub(crate) use refused::REFUSALS;

use crate::app::App;

/// The routes of the pages.
pub(crate) fn routes() -> Routes<App> {
    Routes::new().get("/ui", models::models).get("/ui/models/{model}", model::model).get("/ui/{file}", file)
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
