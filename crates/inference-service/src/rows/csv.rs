//! Rows as CSV: a header with the names of the features, and a line for each row.

use csv::{ReaderBuilder, StringRecord};
use monitoring::ApiError;

use super::reader::{FeatureRows, RowCell, RowTarget};
use super::refusal::{RowRefusal, unreadable};

/// Reads a table as RFC 4180 has it. An empty cell is a missing value.
///
/// # Errors
/// `invalid_request` for bytes that are no CSV in UTF-8; `invalid_input` naming row and feature; `too_large` for too many
/// rows.
pub(crate) fn read_csv(bytes: &[u8], target: RowTarget<'_>) -> Result<FeatureRows, ApiError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // Rows of another length are refused here, where they have a place.
    let mut csv = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = csv.headers().map_err(|problem| unreadable("CSV", &problem))?;
    let places = target.header(header.iter().map(str::trim))?;
    let mut reader = target.reader();
    let mut record = StringRecord::new();
    let mut row = 0;
    while csv.read_record(&mut record).map_err(|problem| unreadable("CSV", &problem))? {
        reader.begin_row()?;
        if record.len() != places.len() {
            let problem = format!("it has {} cells, and the header names {}", record.len(), places.len());
            return Err(RowRefusal::Row { row, problem }.into());
        }
        for (place, cell) in places.iter().zip(&record) {
            reader.cell(*place, RowCell::Written(cell))?;
        }
        reader.end_row()?;
        row += 1;
    }
    Ok(reader.finish())
}
