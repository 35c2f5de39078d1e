//! The id of a record that comes from an event: equal for equal events, and in order of time.
//!
//! A hash alone (UUIDv5) would also make a replay a duplicate, but random keys scatter an index.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::event::CloudEvent;

/// A UUIDv7 with the event's time, whose other bits are a digest of what identifies the row.
///
/// `source` and `id` alone do not identify it: every agent's source is `http://localhost:…` unless it is configured, and
/// the id may be the caller's.
pub(super) fn event_id(response: &CloudEvent, row: u32) -> Uuid {
    let mut hasher = Sha256::new();
    for part in [
        Some(&response.source),
        Some(&response.id),
        response.namespace.as_ref(),
        response.inference_service.as_ref(),
        response.component.as_ref(),
        response.endpoint.as_ref(),
    ] {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        let part = part.map_or("", String::as_str);
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.update(row.to_be_bytes());
    let digest = hasher.finalize();
    // The response's own time only, because the request's is not known in every replay.
    let milliseconds = response.time.map_or(0, Timestamp::as_millisecond).clamp(0, (1 << 48) - 1);
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    uuid::Builder::from_unix_timestamp_millis(milliseconds as u64, &random).into_uuid()
}
