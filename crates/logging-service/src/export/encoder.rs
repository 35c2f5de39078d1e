//! What every format has to do: rows in, bytes out.

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
    /// Takes rows, and returns the bytes that are ready: perhaps none, perhaps those of earlier rows.
    ///
    /// # Errors
    /// [`EncodeError`]; the file cannot be continued then.
    fn rows(&mut self, rows: &[StoredPrediction]) -> Result<Vec<u8>, EncodeError>;

    /// Bytes that it keeps for later.
    fn kept_bytes(&self) -> usize {
        0
    }

    /// The rest of the file.
    ///
    /// # Errors
    /// [`EncodeError`].
    fn finish(self: Box<Self>) -> Result<Vec<u8>, EncodeError>;
}
