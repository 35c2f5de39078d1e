//! Why counts are refused.

use super::GRID_VERSION;

/// Why counts are refused.
#[derive(Debug, thiserror::Error)]
pub enum CountsError {
    /// They lie on other grids, and have to be counted again from the rows.
    #[error("the counts are of grid version {0}, and this version counts on {GRID_VERSION}")]
    OtherGrid(u64),
    /// The JSON is not that of counts.
    #[error("the counts cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// They contradict themselves.
    #[error("the counts are wrong: {0}")]
    Wrong(&'static str),
}
