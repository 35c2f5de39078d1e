//! Rows as a Parquet file.
//!
//! The index → the pages of a column, unpacked within a bound → the library's readers of values → cells. The index and the
//! heads of the pages are read here, because the library trusts the numbers that they claim: it would allocate what a page
//! says to unpack to, up to 2 GiB, and what a dictionary says to hold.
//!
//! Rule of thumb: nothing is allocated before it is known to fit. The rows are those of any other table, so they are few,
//! and all pages together unpack to no more than a body may have.

mod footer;
mod meaning;
mod page_head;
mod pages;
mod thrift;
mod unpack;
mod values;

use axum::body::Bytes;
use monitoring::ApiError;

use self::footer::{FileColumnKind, ParquetFooter};
use self::meaning::ParquetCells;
use super::columnar::{PlacedColumn, push_rows};
use super::file_fault::{FileFault, guarded};
use super::reader::{FeatureRows, RowTarget};
use super::unpack_budget::UnpackBudget;

/// What a Parquet file begins with.
pub(crate) const PARQUET_MAGIC: &[u8] = footer::MAGIC;

/// Reads a Parquet file whose columns have the names of the features. `null` and NaN are missing values.
///
/// # Errors
/// `invalid_request` for another file, or one with what is not read here; `invalid_input` naming row and feature;
/// `too_large` for too many rows, and for pages that unpack to more than a body may have.
pub(crate) fn read_parquet(file: &Bytes, target: RowTarget<'_>) -> Result<FeatureRows, ApiError> {
    guarded("Parquet file", || rows_of(file, target))
}

fn rows_of(file: &Bytes, target: RowTarget<'_>) -> Result<FeatureRows, FileFault> {
    let footer = ParquetFooter::read(file)?;
    let places = target.header(footer.columns.iter().map(|column| column.name))?;
    target.check_rows(footer.rows()?)?;
    let mut budget = UnpackBudget::new(target.unpacked_bytes());
    let mut reader = target.reader();
    let mut left = footer.rows()?;
    for group in footer.groups()? {
        let rows = group.rows()?;
        left = left.checked_sub(rows).ok_or_else(|| FileFault::unreadable("its row groups have more rows than it"))?;
        let columns = footer.columns.iter().zip(&places).map(|(column, place)| {
            let cells = match &column.kind {
                FileColumnKind::Other(what) => ParquetCells::Other(what),
                FileColumnKind::Cells(leaf) => {
                    let chunk = group.chunk(column, file)?;
                    let pages = pages::unpacked(&chunk, leaf, rows, &mut budget);
                    let cells = pages.and_then(|pages| values::cells(leaf, pages, rows));
                    ParquetCells::Read(cells.map_err(|fault| fault.of_column(&column.shown_name()))?)
                }
            };
            Ok(PlacedColumn { place: *place, cells })
        });
        let columns = columns.collect::<Result<Vec<_>, FileFault>>()?;
        push_rows(&mut reader, &columns, rows)?;
    }
    if left > 0 {
        return Err(FileFault::unreadable("its row groups have fewer rows than it"));
    }
    Ok(reader.finish())
}
