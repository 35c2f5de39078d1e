//! `GET /openapi.json`, and a page at `/docs` that shows it.
//!
//! Rule of thumb: the page loads nothing from elsewhere. Its files come with the program, and its policy lets a browser
//! fetch from this service alone.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::{ApiError, ErrorCode, Routes};

/// The files that the page needs; no other file of the library is served.
const FILES: [&str; 5] = [
    "index.css",
    "swagger-initializer.js",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// The page. Its addresses are relative, so that it works behind a proxy that adds a prefix.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <link rel="stylesheet" href="docs/index.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/swagger-ui-standalone-preset.js"></script>
    <script src="docs/swagger-initializer.js"></script>
  </body>
</html>
"#;

/// What a browser may load for the page. Swagger UI writes styles into its elements and has its icons as data; everything
/// else comes from this service.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The caching of answers that may change with the next version.
const ASK_AGAIN: &str = "no-cache";
/// The caching of the page's files, which rarely change.
const KEEP_AN_HOUR: &str = "public, max-age=3600";

/// Adds `GET /openapi.json` with this description (see [`describe`](super::describe)), and `GET /docs` to read it.
#[must_use]
pub fn docs_routes(description: &Value) -> Routes {
    let document = Bytes::from(description.to_string());
    let config = Arc::new(Config::new(["openapi.json"]).use_base_layout().validator_url("none"));
    let openapi = move || {
        let answer = openapi(&document);
        async move { answer }
    };
    let file = move |Path(name): Path<String>| {
        let answer = docs_file(&name, &config);
        async move { answer }
    };
    Routes::new().get("/openapi.json", openapi).get("/docs", docs).get("/docs/{file}", file)
}

crate::refusals! {
    /// The refusals of a file of the page.
    pub(crate) NotFoundOnly: NotFound;
}

/// This description
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "description",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub(super) fn openapi(document: &Bytes) -> Response {
    answer("application/json", ASK_AGAIN, document.clone())
}

/// A page that shows this description
///
/// Swagger UI; it works without any network but this service.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "docs",
    tag = "description",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub(super) async fn docs() -> Response {
    answer("text/html; charset=utf-8", ASK_AGAIN, Bytes::from_static(PAGE.as_bytes()))
}

/// A file of the page
#[utoipa::path(
    get,
    path = "/docs/{file}",
    operation_id = "docsFile",
    tag = "description",
    params(("file" = String, Path, description = "Its name", example = "swagger-ui.css")),
    responses(
        (status = 200, description = "The file", content((String = "text/css"), (String = "text/javascript"))),
        NotFoundOnly
    )
)]
pub(super) fn docs_file(name: &str, config: &Arc<Config<'static>>) -> Result<Response, ApiError> {
    let there_is_none = || ApiError::new(ErrorCode::NotFound, "The page at /docs has no such file.");
    if !FILES.contains(&name) {
        return Err(there_is_none());
    }
    let found = utoipa_swagger_ui::serve(name, config.clone()).map_err(ApiError::internal)?;
    let SwaggerFile { bytes, content_type, .. } = found.ok_or_else(there_is_none)?;
    let bytes = match bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Ok(answer(&format!("{content_type}; charset=utf-8"), KEEP_AN_HOUR, bytes))
}

fn answer(content_type: &str, caching: &str, body: Bytes) -> Response {
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers.map(|(name, value)| (name, value.to_owned())), body).into_response()
}
