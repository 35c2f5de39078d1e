//! Rows of a file that stores a table column by column.

use super::reader::{RowCell, RowReader};
use super::refusal::RowRefusal;

/// A column of which any cell can be told.
pub(super) trait CellColumn {
    /// The cell of this row; a row past the end has nothing.
    fn cell(&self, row: usize) -> RowCell<'_>;
}

/// A column, and the place of the feature that it is.
pub(super) struct PlacedColumn<C> {
    pub(super) place: usize,
    pub(super) cells: C,
}

/// Reads so many rows out of columns, in the order in which every other form of a table has the cells, so that the same bad
/// cell is found first.
///
/// # Errors
/// As [`RowReader::cell`].
pub(super) fn push_rows<C: CellColumn>(
    reader: &mut RowReader<'_>,
    columns: &[PlacedColumn<C>],
    rows: usize,
) -> Result<(), RowRefusal> {
    for row in 0..rows {
        reader.begin_row()?;
        for PlacedColumn { place, cells } in columns {
            reader.cell(*place, cells.cell(row))?;
        }
        reader.end_row()?;
    }
    Ok(())
}
