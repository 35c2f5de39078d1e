//! Stored predictions as files: NDJSON, CSV and Parquet, a piece at a time.
//!
//! Pages of rows → [`Encoder::rows`] → bytes to send → … → [`Encoder::finish`]. What an encoder keeps between calls is
//! bounded, however many rows there are.
//!
//! Rule of thumb: all three formats carry every field. CSV and Parquet follow the one list in `columns`; NDJSON is the
//! JSON of `GET /predictions`.

mod columns;
mod csv;
mod encoder;
mod format;
mod label_columns;
mod ndjson;
mod parquet;

pub use self::csv::CellTexts;
pub use encoder::{EncodeError, Encoder};
pub use format::{ExportFormat, UnknownFormat};
pub(crate) use parquet::{LabelFileEncoder, LakeEncoder, PredictionFileEncoder};

/// An encoder at the beginning of a file. `texts` is about CSV alone.
///
/// # Errors
/// [`EncodeError`], where the file cannot be begun.
pub fn encoder(format: ExportFormat, texts: CellTexts) -> Result<Box<dyn Encoder + Send>, EncodeError> {
    Ok(match format {
        ExportFormat::Ndjson => Box::new(ndjson::NdjsonEncoder),
        ExportFormat::Csv => Box::new(csv::CsvEncoder::new(texts)),
        ExportFormat::Parquet => Box::new(parquet::ParquetEncoder::new()?),
    })
}
