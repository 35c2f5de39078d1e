//! Stored predictions as files: NDJSON, CSV and Parquet, a piece at a time.
//!
//! Pages of rows → [`Encoder::rows`] → bytes to send on → … → [`Encoder::finish`]. What an encoder
//! keeps between calls has a bound that does not grow with the rows.
//!
//! Rule of thumb: one schema. CSV and Parquet are driven by the one list in `columns`; NDJSON is the
//! JSON of `GET /predictions`. All three carry every field.

mod columns;
mod csv;
mod format;
mod ndjson;
mod parquet;

pub use format::{ExportFormat, UnknownFormat};

use crate::store::StoredPrediction;

/// Why rows cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A row does not become JSON.
    #[error("a row cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The CSV writer refused a row.
    #[error("a row cannot be written as CSV: {0}")]
    Csv(#[from] ::csv::Error),
    /// The Parquet writer refused a row group.
    #[error("rows cannot be written as Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// Turns rows into the bytes of one file.
pub trait Encoder {
    /// Takes rows, and gives the bytes that are ready; they may be none, and may be of earlier rows.
    ///
    /// # Errors
    /// [`EncodeError`]; the file cannot be continued then.
    fn rows(&mut self, rows: &[StoredPrediction]) -> Result<Vec<u8>, EncodeError>;

    /// The rest of the file.
    ///
    /// # Errors
    /// [`EncodeError`].
    fn finish(self: Box<Self>) -> Result<Vec<u8>, EncodeError>;
}

/// An encoder at the beginning of a file.
///
/// # Errors
/// [`EncodeError`], where the file cannot be begun.
pub fn encoder(format: ExportFormat) -> Result<Box<dyn Encoder + Send>, EncodeError> {
    Ok(match format {
        ExportFormat::Ndjson => Box::new(ndjson::NdjsonEncoder),
        ExportFormat::Csv => Box::new(csv::CsvEncoder::new()),
        ExportFormat::Parquet => Box::new(parquet::ParquetEncoder::new()?),
    })
}
