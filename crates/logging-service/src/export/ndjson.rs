//! NDJSON: a row a line, in the form of `GET /predictions`.

use super::encoder::{EncodeError, Encoder};
use crate::store::StoredPrediction;

/// Keeps nothing between calls.
pub(super) struct NdjsonEncoder;

impl Encoder for NdjsonEncoder {
    fn rows(&mut self, rows: &[StoredPrediction]) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut bytes, row)?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, EncodeError> {
        Ok(Vec::new())
    }
}
