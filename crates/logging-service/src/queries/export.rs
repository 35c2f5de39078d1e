//! `GET /export`: everything that a filter lets through, as a file that is sent while it is made.
//!
//! Rule of thumb: a page is read only when the one before is on its way, so memory does not grow with the answer, and
//! a slow client holds up nobody.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::channel::{Channel, Sender};
use monitoring::{ApiError, ErrorCode};
use tracing::warn;

use super::Asked;
use super::parameters::query;
use crate::app::App;
use crate::export::{EncodeError, Encoder, encoder};
use crate::openapi::Asking;
use crate::refusal::refusal;
use crate::store::{Filter, MAX_PAGE, Page, StoreError};

/// Pieces that wait for the client.
const AHEAD: usize = 2;
/// How often a page is asked for again while too many others ask.
const ATTEMPTS: usize = 20;

/// Why an export ends in the middle.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// All predictions, newest first, as a file
///
/// The filters are those of `/predictions`; a file has no pages, so `limit` and `cursor` are refused. A file that breaks
/// off in the middle ends with the connection, not with its end.
#[utoipa::path(
    get,
    path = "/export",
    operation_id = "export",
    tag = "questions",
    params(Asked),
    responses(
        (
            status = 200,
            description = "The file",
            content(
                (ref("#/components/schemas/Lines") = "application/x-ndjson"),
                (String = "text/csv"),
                (ref("#/components/schemas/Bytes") = "application/vnd.apache.parquet")
            )
        ),
        Asking
    )
)]
pub(crate) async fn export(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    let asked: Asked = query(&uri)?;
    let format = asked.format.unwrap_or_default();
    if asked.limit.is_some() || asked.cursor.is_some() {
        let sentence = "An export has no pages: limit and cursor belong to /predictions.";
        return Err(ApiError::new(ErrorCode::InvalidRequest, sentence));
    }
    let filter = asked.filter();
    // What is wrong at once gets an answer; later there is only the end of the connection.
    let first = app.store.list(&filter, MAX_PAGE, None).await.map_err(refusal)?;
    let encoder = encoder(format).map_err(ApiError::internal)?;
    let (sender, body) = Channel::<Bytes, ExportError>::new(AHEAD);
    tokio::spawn(send(app, filter, (first, encoder), sender));
    let disposition = format!("attachment; filename=\"predictions.{}\"", format.extension());
    let headers =
        [(header::CONTENT_TYPE, format.content_type().to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::new(body)).into_response())
}

async fn send(
    app: App,
    filter: Filter,
    (mut page, mut encoder): (Page, Box<dyn Encoder + Send>),
    mut sender: Sender<Bytes, ExportError>,
) {
    loop {
        let piece = match encoder.rows(&page.predictions) {
            Ok(piece) => piece,
            Err(problem) => return abort(sender, problem.into()),
        };
        if !piece.is_empty() && sender.send_data(piece.into()).await.is_err() {
            return; // The client is gone.
        }
        let Some(cursor) = page.next_cursor else { break };
        page = match next(&app, &filter, &cursor).await {
            Ok(page) => page,
            Err(problem) => return abort(sender, problem.into()),
        };
    }
    match encoder.finish() {
        Ok(rest) if !rest.is_empty() => drop(sender.send_data(rest.into()).await),
        Ok(_) => {}
        Err(problem) => abort(sender, problem.into()),
    }
}

/// An export is in no hurry: it lets others ask first.
async fn next(app: &App, filter: &Filter, cursor: &str) -> Result<Page, StoreError> {
    for _ in 1..ATTEMPTS {
        match app.store.list(filter, MAX_PAGE, Some(cursor)).await {
            Err(StoreError::Overloaded { .. }) => tokio::time::sleep(Duration::from_millis(500)).await,
            outcome => return outcome,
        }
    }
    app.store.list(filter, MAX_PAGE, Some(cursor)).await
}

/// Breaks the connection off, so that the client does not take a part for the whole.
fn abort(sender: Sender<Bytes, ExportError>, problem: ExportError) {
    warn!(%problem, "export_broken_off");
    sender.abort(problem);
}
