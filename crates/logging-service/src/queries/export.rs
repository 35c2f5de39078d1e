//! `GET /export`: all predictions that a filter selects, as a file that is sent while it is made.
//!
//! Rule of thumb: a page is read only after the one before it was handed to the connection, so memory does not grow
//! with the file, and a slow client delays only itself.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::channel::{Channel, Sender};
use monitoring::{ApiError, ErrorCode};
use prediction_record::Tags;
use tracing::warn;

use super::parameters::{TagParameters, parse_tagged_query};
use super::predictions::PredictionsQuery;
use crate::app::App;
use crate::export::{CellTexts, EncodeError, Encoder, ExportFormat, encoder};
use crate::openapi::refusal_sets::QueryRefusals;
use crate::openapi::text_bodies::{FileBytes, Lines};
use crate::refusal::refusal;
use crate::store::{MAX_PAGE, PredictionFilter, PredictionPage, Store, StoreError};

/// Pieces of the file that may wait for the client.
const AHEAD: usize = 2;
/// How often a page is asked for while the store is overloaded.
const ATTEMPTS: usize = 20;
/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Why an export breaks off in the middle.
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
    params(PredictionsQuery, TagParameters),
    responses(
        (
            status = 200,
            description = "The file",
            content(
                (Lines = "application/x-ndjson"),
                (String = "text/csv"),
                (FileBytes = "application/vnd.apache.parquet")
            )
        ),
        QueryRefusals
    )
)]
pub(crate) async fn export(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    let (query, tags): (PredictionsQuery, Tags) = parse_tagged_query(&uri)?;
    let format = query.format.unwrap_or_default();
    if query.limit.is_some() || query.cursor.is_some() {
        let sentence = "An export has no pages: limit and cursor belong to /predictions.";
        return Err(ApiError::new(ErrorCode::InvalidRequest, sentence));
    }
    if query.safe.is_some() && format != ExportFormat::Csv {
        let sentence = "safe belongs to format=csv: no program executes what stands in the other formats.";
        return Err(ApiError::new(ErrorCode::InvalidRequest, sentence));
    }
    let texts = if query.safe == Some(true) { CellTexts::ForSpreadsheets } else { CellTexts::AsTheyAre };
    let filter = query.filter(tags)?;
    // A problem with the first page is still answered; after that, only the connection can be broken off.
    let first = app.store.list(&filter, MAX_PAGE, None).await.map_err(refusal)?;
    let encoder = encoder(format, texts).map_err(ApiError::internal)?;
    let (sender, body) = Channel::<Bytes, ExportError>::new(AHEAD);
    let stream = ExportStream { store: app.store, filter, sender };
    tokio::spawn(stream.send(first, encoder));
    let disposition = format!("attachment; filename=\"predictions.{}\"", format.extension());
    let headers =
        [(header::CONTENT_TYPE, format.content_type().to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::new(body)).into_response())
}

/// A file on its way to the client.
struct ExportStream {
    store: Arc<Store>,
    filter: PredictionFilter,
    sender: Sender<Bytes, ExportError>,
}

impl ExportStream {
    /// Sends the file that begins with this page. A problem breaks the connection off, so that the client does not take
    /// a part for the whole.
    async fn send(mut self, first: PredictionPage, encoder: Box<dyn Encoder + Send>) {
        if let Err(problem) = self.send_pages(first, encoder).await {
            warn!(%problem, "export_broken_off");
            self.sender.abort(problem);
        }
    }

    /// Ends early, and without an error, where the client is gone.
    async fn send_pages(
        &mut self,
        mut page: PredictionPage,
        mut encoder: Box<dyn Encoder + Send>,
    ) -> Result<(), ExportError> {
        loop {
            let piece = encoder.rows(&page.predictions)?;
            if !piece.is_empty() && self.sender.send_data(piece.into()).await.is_err() {
                return Ok(());
            }
            let Some(cursor) = page.next_cursor else { break };
            page = self.next_page(&cursor).await?;
        }
        let rest = encoder.finish()?;
        if !rest.is_empty() {
            // The file is complete, so it makes no difference whether the client is still there.
            let _ = self.sender.send_data(rest.into()).await;
        }
        Ok(())
    }

    /// Reads the next page. An export is in no hurry: where the store is overloaded, it lets others ask first.
    async fn next_page(&self, cursor: &str) -> Result<PredictionPage, StoreError> {
        for _ in 1..ATTEMPTS {
            match self.store.list(&self.filter, MAX_PAGE, Some(cursor)).await {
                Err(StoreError::Overloaded { .. }) => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
        self.store.list(&self.filter, MAX_PAGE, Some(cursor)).await
    }
}
