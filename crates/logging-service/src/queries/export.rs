//! `GET /export`: all predictions that a filter selects, as a file that is sent while it is made.
//!
//! Rule of thumb: a page is read only after the one before it was handed to the connection, so memory does not grow
//! with the file, and a slow client delays only itself. What an export has in memory is held in the room for clients; one
//! whose client does not read breaks off while others find no room, or after a while.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use http_body_util::channel::{Channel, Sender};
use monitoring::{ApiError, ErrorCode, HeldKind, Hold, ServiceTime};
use prediction_record::Tags;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::parameters::{TagParameters, parse_tagged_query};
use super::predictions::PredictionsQuery;
use crate::app::App;
use crate::export::{CellTexts, EncodeError, Encoder, ExportFormat, encoder};
use crate::lake::{LakeError, LogPages};
use crate::openapi::refusal_sets::QueryRefusals;
use crate::openapi::text_bodies::{FileBytes, Lines};
use crate::refusal::refusal;
use crate::store::StoredPrediction;

/// Pieces of the file that may wait for the client.
const AHEAD: usize = 2;

/// Bytes that an export holds before its rows are known: a page of plain rows, read and written.
const FIRST_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that the rows of a page take for each byte that is written of them, beside the text itself.
const ROWS_PER_WRITTEN: usize = 3;
/// How long a client may take nothing of its file.
const READER_PATIENCE: Duration = Duration::from_secs(30);

/// Why an export breaks off in the middle.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Rows(#[from] LakeError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("there is no room in memory: {0}")]
    Full(String),
    #[error("the client does not read it")]
    Unread,
}

/// All predictions, newest first, as a file
///
/// Rows that have left the database are read in the lake, where there is one. The filters are those of `/predictions`; a
/// file has no pages, so `limit` and `cursor` are refused. A file that breaks off in the middle ends with the connection,
/// not with its end.
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
    if query.labelled.is_some() {
        let sentence =
            "Rows of the lake do not say whether their true label is known: labelled belongs to /predictions.";
        return Err(ApiError::new(ErrorCode::InvalidRequest, sentence));
    }
    if query.safe.is_some() && format != ExportFormat::Csv {
        let sentence = "safe belongs to format=csv: no program executes what stands in the other formats.";
        return Err(ApiError::new(ErrorCode::InvalidRequest, sentence));
    }
    let texts = if query.safe == Some(true) { CellTexts::ForSpreadsheets } else { CellTexts::AsTheyAre };
    let filter = query.filter(tags)?;
    let mut hold = app.room.moving_hold(HeldKind::Export, CancellationToken::new());
    let working = hold.service_time();
    hold.grow(FIRST_PAGE_BYTES).await?;
    // A problem with the first page is still answered; after that, only the connection can be broken off.
    let mut pages = LogPages::new(app.store, app.lake, filter);
    let first = pages.next(&mut hold).await.map_err(refused_rows)?;
    let encoder = encoder(format, texts).map_err(ApiError::internal)?;
    let (sender, body) = Channel::<Bytes, ExportError>::new(AHEAD);
    let stream = ExportStream { pages, sender, hold };
    tokio::spawn(stream.send(first, encoder, working));
    let disposition = format!("attachment; filename=\"predictions.{}\"", format.extension());
    let headers =
        [(header::CONTENT_TYPE, format.content_type().to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::new(body)).into_response())
}

/// Why there is not even a first page.
fn refused_rows(problem: LakeError) -> ApiError {
    match problem {
        LakeError::Books(problem) => refusal(problem),
        problem => ApiError::internal(problem),
    }
}

/// A file on its way to the client.
struct ExportStream {
    pages: LogPages,
    sender: Sender<Bytes, ExportError>,
    hold: Hold,
}

impl ExportStream {
    /// Sends the file that begins with this page. A problem breaks the connection off, so that the client does not take
    /// a part for the whole.
    async fn send(
        mut self,
        first: Option<Vec<StoredPrediction>>,
        encoder: Box<dyn Encoder + Send>,
        working: ServiceTime,
    ) {
        if let Err(problem) = self.send_pages(first, encoder, working).await {
            warn!(%problem, "export_broken_off");
            self.sender.abort(problem);
        }
    }

    /// Ends early, and without an error, where the client is gone.
    async fn send_pages(
        &mut self,
        mut page: Option<Vec<StoredPrediction>>,
        mut encoder: Box<dyn Encoder + Send>,
        mut working: ServiceTime,
    ) -> Result<(), ExportError> {
        while let Some(rows) = page {
            let piece = encoder.rows(&rows)?;
            drop(rows);
            self.hold_for(encoder.kept_bytes(), piece.len()).await?;
            // From here on it is the client that takes its time, until the next page is read.
            drop(working);
            if !self.send_piece(piece).await? {
                return Ok(());
            }
            working = self.hold.service_time();
            page = self.pages.next(&mut self.hold).await?;
        }
        let rest = encoder.finish()?;
        drop(working);
        self.send_piece(rest).await?;
        Ok(())
    }

    /// Holds what the next page will take, if it is like the one that has just been written, what the encoder keeps, and what is
    /// held of a day in the lake.
    async fn hold_for(&mut self, kept: usize, written: usize) -> Result<(), ExportError> {
        let bytes = kept + self.pages.held_bytes() + FIRST_PAGE_BYTES.max(written.saturating_mul(1 + ROWS_PER_WRITTEN));
        self.hold.shrink_to(bytes);
        let more = bytes - self.hold.bytes();
        self.hold.grow(more).await.map_err(|refusal| ExportError::Full(refusal.message))
    }

    /// Hands a piece of the file to the connection; `false` where the client is gone.
    async fn send_piece(&mut self, piece: Vec<u8>) -> Result<bool, ExportError> {
        // Where the encoder keeps its rows for later, an empty part finds out whether the client is still there.
        let asks = piece.is_empty().then(Bytes::new);
        for part in monitoring::pieces(&piece.into()).chain(asks) {
            let bytes = part.len();
            let sent = tokio::select! {
                sent = timeout(READER_PATIENCE, self.sender.send_data(part)) => sent,
                () = self.hold.must_make_way() => return Err(ExportError::Unread),
            };
            match sent {
                Ok(Ok(())) => self.hold.moved(bytes),
                Ok(Err(_)) => return Ok(false),
                Err(_) => return Err(ExportError::Unread),
            }
        }
        Ok(true)
    }
}
