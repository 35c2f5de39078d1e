//! How many items of a model may run together: `[batching]` in its model.toml.
//!
//! Rule of thumb: the file says how many at most; whether it pays is measured when the model is loaded.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::error::ModelError;

/// The largest values that the file may give.
const LARGEST_SIZE: u32 = 64;
const LONGEST_DELAY_MS: u32 = 1000;

/// The bounds on what may run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Most items of one run, 1 to 64; 1: never together.
    pub max_size: usize,
    /// How long items may wait for more to join them, 0 to 1 s; zero: only items that wait anyway run together.
    pub max_delay: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self { max_size: 8, max_delay: Duration::ZERO }
    }
}

impl Batching {
    /// Checks what the file's author wrote under `[batching]`.
    ///
    /// # Errors
    /// [`ModelError::Field`] for a size or a delay out of bounds.
    pub(super) fn from_table(table: Option<BatchingTable>, path: &Path) -> Result<Self, ModelError> {
        let error = |field, problem, remedy| Err(ModelError::Field { path: path.to_owned(), field, problem, remedy });
        let Some(BatchingTable { max_size, max_delay_ms }) = table else { return Ok(Self::default()) };
        if !(1..=LARGEST_SIZE).contains(&max_size) {
            return error("batching.max_size", format!("is {max_size}"), "give 1 to 64, or remove the field");
        }
        if max_delay_ms > LONGEST_DELAY_MS {
            return error("batching.max_delay_ms", format!("is {max_delay_ms}"), "give 0 to 1000, or remove the field");
        }
        Ok(Self { max_size: max_size as usize, max_delay: Duration::from_millis(max_delay_ms.into()) })
    }
}

/// The table `[batching]` of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchingTable {
    #[serde(default = "default_size")]
    max_size: u32,
    #[serde(default)]
    max_delay_ms: u32,
}

fn default_size() -> u32 {
    Batching::default().max_size as u32
}
