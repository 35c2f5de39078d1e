//! CloudEvents as KServe's payload logger posts them: each request and each response of a model is an event.
//!
//! [`parse`] reads the events of a body; [`pair`] makes records of a response and, where it is known, its request. The two
//! come in either order: until its counterpart comes, an event is stored as text ([`CloudEvent::to_json`]) under its
//! [`CloudEvent::pair_key`].
//!
//! Rule of thumb: nothing here does I/O or reads the clock. So the same events always make the same records with the same
//! ids, and a replay is a duplicate.

mod event;
mod event_id;
mod event_kind;
mod gzip;
mod pair;
mod parse;
mod payload;

pub use event::{CloudEvent, EventStatus};
pub use event_kind::EventKind;
pub use pair::pair;
pub use parse::parse;
pub use payload::{EventPayload, RequestFacts};

use prediction_record::InvalidRecord;

/// The most characters of an attribute of an event.
pub const MAX_ATTRIBUTE_CHARS: usize = 128;
/// The most bytes of a body after it is unpacked.
pub const MAX_UNPACKED_BYTES: usize = 32 << 20;
/// The most events of a batch.
pub const MAX_EVENTS: usize = 1000;
/// The most rows of a response.
pub const MAX_ROWS: usize = 10_000;

/// Why events cannot be read, or records cannot be made of them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EventError {
    /// Neither `ce-` headers nor a content type of events.
    #[error(
        "this is no CloudEvent: there is neither a ce-specversion header nor a content type application/cloudevents+json"
    )]
    NotACloudEvent,
    /// An attribute that every event needs is missing.
    #[error("the attribute {0} is missing")]
    MissingAttribute(&'static str),
    /// An attribute has a form that is not allowed.
    #[error("the attribute {name} {problem}")]
    InvalidAttribute {
        /// Its name.
        name: &'static str,
        /// What is wrong; the message shows it after the name.
        problem: String,
    },
    /// Another version of CloudEvents than 1.
    #[error("specversion {0:?} is not known; 1.0 is")]
    UnsupportedVersion(String),
    /// The event is neither a request nor a response of a model.
    #[error("events of type {0:?} are not known")]
    UnknownType(String),
    /// The JSON around the payload cannot be read.
    #[error("the JSON of the event cannot be read: {0}")]
    Json(String),
    /// The bytes begin like gzip but are not.
    #[error("the gzip data cannot be unpacked: {0}")]
    Gzip(String),
    /// `data_base64` is not base64.
    #[error("data_base64 cannot be decoded")]
    Base64,
    /// More bytes than are taken, packed or unpacked.
    #[error("the body has more than {MAX_UNPACKED_BYTES} bytes when it is unpacked")]
    TooLarge,
    /// More events than are taken at once.
    #[error("a batch may have {MAX_EVENTS} events at most")]
    TooManyEvents,
    /// More rows than are taken from one response.
    #[error("a response may have {MAX_ROWS} predictions at most")]
    TooManyRows,
    /// No prediction can be read from the payload.
    #[error("no prediction can be read from the payload: {0}")]
    Payload(String),
    /// The two events do not belong together, or are not a request and a response.
    #[error("the events are not a request and its response")]
    Mismatch,
    /// A record that was made is not valid.
    #[error("the payload makes a record that is not valid: {0}")]
    Record(#[from] InvalidRecord),
}

/// Text from outside, short enough for a message and without control characters.
fn shortened(text: &str, most_chars: usize) -> String {
    text.chars().take(most_chars).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
