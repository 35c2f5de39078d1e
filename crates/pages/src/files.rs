//! The style sheet and the script, which come with the program.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

pub(crate) const STYLE: &str = include_str!("files/style.css");
const SCRIPT: &str = include_str!("files/script.js");
const PREDICT: &str = include_str!("files/predict.js");

/// The names of the files that pages load.
pub const PAGE_FILES: [&str; 3] = ["style.css", "script.js", "predict.js"];

/// A file that pages load; nothing where there is none of this name.
pub fn page_file(name: &str) -> Option<Response> {
    let (kind, text) = match name {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "script.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "predict.js" => ("text/javascript; charset=utf-8", PREDICT),
        _ => return None,
    };
    // A new version of the program may bring other files under the same names.
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((headers, text).into_response())
}
