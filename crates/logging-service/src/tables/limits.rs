//! What a table may take.

/// Most bytes of a row. A longer one is usually a file in which a quote or a line break is missing.
pub(crate) const MAX_ROW_BYTES: usize = 1024 * 1024;
/// Most columns of a table.
pub(crate) const MAX_COLUMNS: usize = 2_000;
