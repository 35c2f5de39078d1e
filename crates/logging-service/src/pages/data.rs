//! What is stored, how long it is kept, and how it leaves as a file.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};
use monitoring::{ApiError, ErrorCode};
use pages::{at, bytes, count, seconds};

use super::parameters::{PageParameters, question};
use super::predictions::{LIST_FIELDS, fields, table};
use super::site::{DATA, page};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::queries::parameters::TagParameters;
use crate::queries::predictions::{PredictionsQuery, page_of};
use crate::queries::stats;

/// Rows of a preview.
const PREVIEW: usize = 5;
const FORMATS: [&str; 3] = ["csv", "ndjson", "parquet"];
/// Parameters that a list has and a file has not.
const OF_LISTS: [&str; 3] = ["labelled", "limit", "cursor"];

/// What is stored, and a preview of an export
#[utoipa::path(
    get,
    path = "/ui/data",
    operation_id = "dataPage",
    tag = "pages",
    params(PredictionsQuery, TagParameters),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn data(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    Ok(page("", DATA, &content(&app, &PageParameters::of_form(&uri)?).await?))
}

async fn content(app: &App, parameters: &PageParameters) -> Result<Markup, ApiError> {
    Ok(html! {
        h1 { (DATA) }
        (stored(app).await?)
        (kept(app))
        h2 { "Export" }
        (export(app, parameters).await?)
    })
}

async fn stored(app: &App) -> Result<Markup, ApiError> {
    let all = stats::report_of(&app.store, &question(&pages::Query::default())?).await?.stats.total;
    let time = |time: Option<Timestamp>| html! { @match time { Some(time) => (at(time)), None => "–" } };
    Ok(html! {
        ul.tiles {
            li { b { (count(all.predictions)) } "predictions in the database" }
            li { b { (bytes(app.store.size_bytes() as f64)) } "with indexes and counts" }
            li { b { (time(all.first_occurred_at)) } "the oldest, UTC" }
            li { b { (time(all.last_occurred_at)) } "the latest, UTC" }
        }
    })
}

/// How long it is kept, and where copies are.
fn kept(app: &App) -> Markup {
    let config = &app.config;
    let backup = app.upkeep.newest_backup();
    html! {
        dl {
            dt { "Kept for" } dd { @match config.retention_days {
                Some(days) => { (days) " days" },
                None => { "ever " span.quiet { "(" code { "--retention-days" } " bounds it)" } },
            } }
            @if let Some(most) = config.retention_bytes { dt { "At most" } dd { (bytes(most as f64)) } }
            dt { "Backups" } dd { @match (&config.backup_dir, backup) {
                (None, _) => { span.warn { "none" } " " span.quiet { "(" code { "--backup-dir" } " makes them)" } },
                (Some(_), None) => span.warn { "none yet" },
                (Some(_), Some(newest)) => {
                    (bytes(newest.bytes)) ", verified " (seconds((Timestamp::now().as_second() as f64 - newest.verified_at).max(0.0))) " ago; every "
                    (config.backup_hours) " h, " (config.backup_keep) " are kept"
                },
            } }
            dt { "Lake" } dd { @match &config.lake {
                None => span.quiet { "none (" code { "--lake" } " writes closed days as Parquet)" },
                Some(lake) => { code { (lake) } ", days go there " (config.lake_after_days) " days after their end" },
            } }
        }
    }
}

async fn export(app: &App, parameters: &PageParameters) -> Result<Markup, ApiError> {
    let format = parameters.get("format").unwrap_or(FORMATS[0]);
    let listed = parameters.but(&["format", "safe", "limit", "cursor"], "labelled", None);
    let preview = match page_of(app, &question(&listed.with("limit", PREVIEW))?).await {
        Err(refusal) if refusal.code == ErrorCode::InvalidRequest => Err(refusal.message),
        found => Ok(found?),
    };
    let file = parameters.but(&OF_LISTS, "format", Some(format));
    Ok(html! {
        form.filter method="get" aria-label="Export" {
            (fields(parameters))
            label { "Format" select name="format" { @for known in FORMATS {
                option value=(known) selected[known == format] { (known) }
            } } }
            @for (name, value) in parameters.beside(&LIST_FIELDS).filter(|(name, _)| name != "format" && name != "limit") {
                input type="hidden" name=(name) value=(value);
            }
            button { "Preview" }
        }
        @match preview {
            Err(sentence) => p.wrong role="alert" { (sentence) },
            Ok(found) if found.predictions.is_empty() => p { "No prediction passes the filter." },
            Ok(found) => {
                (table(&found.predictions, "the newest of them"))
                p { a.button href={ "../export" (file) } download="" { "Download as " (format) } }
                p.quiet { "The same by a program: " code { "GET /export" (file) } }
            },
        }
    })
}
