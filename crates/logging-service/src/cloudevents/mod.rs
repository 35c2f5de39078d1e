//! CloudEvents as KServe's payload logger posts them: each request and each response of a model is an event.
//!
//! [`parse`] reads the events of a body; [`pair`] makes records of a response and, where it is known, its request. The two
//! come in either order: until its counterpart comes, an event is stored as text ([`CloudEvent::to_json`]) under its
//! [`CloudEvent::pair_key`].
//!
//! Rule of thumb: nothing here does I/O or reads the clock. So the same events always make the same records with the same
//! ids, and a replay is a duplicate. The events of a batch are read one by one, so that a bad one keeps no other out.

mod batch;
mod error;
mod event;
mod event_id;
mod event_kind;
mod failure;
mod gzip;
mod pair;
mod parse;
mod payload;

pub use error::{EventError, EventRefusal};
pub use event::{CloudEvent, EventStatus};
pub use event_kind::EventKind;
pub use pair::pair;
pub use parse::{ParsedEvent, parse};
pub use payload::{EventPayload, FeatureRow, OpaqueForm, RequestFacts};

/// The most characters of an attribute of an event.
pub const MAX_ATTRIBUTE_CHARS: usize = 128;
/// The most bytes of a body after it is unpacked.
pub const MAX_UNPACKED_BYTES: usize = 32 << 20;
/// The most events of a batch.
pub const MAX_EVENTS: usize = 1000;
/// The most rows of a response.
pub const MAX_ROWS: usize = 10_000;

/// Text from outside, short enough for a message and without control characters.
fn shortened(text: &str, most_chars: usize) -> String {
    text.chars().take(most_chars).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
