//! Why events cannot be read, in sentences and in words for metrics.

use monitoring::label_enum;
use prediction_record::InvalidRecord;

use super::{MAX_EVENTS, MAX_ROWS, MAX_UNPACKED_BYTES, shortened};

label_enum! {
    /// The kind of reason for which an event is refused: the `code` in the answer, and the label of the metric.
    pub enum EventRefusal: "reason" {
        /// The request carries no CloudEvent.
        NotAnEvent = "not_an_event",
        /// An attribute that every event needs is missing.
        MissingAttribute = "missing_attribute",
        /// An attribute is too long, or has a form that is not allowed.
        InvalidAttribute = "invalid_attribute",
        /// A version of CloudEvents that is not known.
        UnknownVersion = "unknown_version",
        /// Neither a request nor a response of a model.
        UnknownType = "unknown_type",
        /// The JSON of the event cannot be read.
        InvalidJson = "invalid_json",
        /// The payload cannot be unpacked.
        InvalidPacking = "invalid_packing",
        /// More bytes, events or rows than are taken.
        TooLarge = "too_large",
        /// No prediction can be read from the payload.
        NoPrediction = "no_prediction",
        /// The outputs of a response have different numbers of rows.
        RowsDiffer = "rows_differ",
        /// Records of it would not be valid, or the database refused them.
        InvalidRecord = "invalid_record",
    }
}

/// Why events cannot be read, or records cannot be made of them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EventError {
    /// Neither `ce-` headers nor a content type of events.
    #[error(
        "this is no CloudEvent: there is neither a ce-specversion header nor a content type application/cloudevents+json"
    )]
    NotACloudEvent,
    /// An event in JSON is something else than an object.
    #[error("an event is a JSON object with the attributes specversion, id, source and type")]
    NotAnObject,
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
    #[error(
        "events of type {0:?} are not known; org.kubeflow.serving.inference.request and org.kubeflow.serving.inference.response are"
    )]
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
    #[error("the events of a request may have {MAX_UNPACKED_BYTES} bytes when they are unpacked")]
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
    /// The outputs of a response disagree about the number of rows.
    #[error("the outputs of the response differ in their number of rows")]
    RowsDiffer,
    /// The two events do not belong together, or are not a request and a response.
    #[error("the events are not a request and its response")]
    Mismatch,
    /// A record that was made is not valid.
    #[error("the payload makes a record that is not valid: {0}")]
    Record(#[from] InvalidRecord),
    /// The database does not take the records.
    #[error("the database refused its records")]
    Unstorable,
}

impl EventError {
    pub(super) fn json(error: &serde_json::Error) -> Self {
        Self::Json(shortened(&error.to_string(), 200))
    }

    /// The kind of reason.
    pub fn refusal(&self) -> EventRefusal {
        match self {
            Self::NotACloudEvent | Self::NotAnObject => EventRefusal::NotAnEvent,
            Self::MissingAttribute(_) => EventRefusal::MissingAttribute,
            Self::InvalidAttribute { .. } => EventRefusal::InvalidAttribute,
            Self::UnsupportedVersion(_) => EventRefusal::UnknownVersion,
            Self::UnknownType(_) => EventRefusal::UnknownType,
            Self::Json(_) => EventRefusal::InvalidJson,
            Self::Gzip(_) | Self::Base64 => EventRefusal::InvalidPacking,
            Self::TooLarge | Self::TooManyEvents | Self::TooManyRows => EventRefusal::TooLarge,
            Self::Payload(_) | Self::Mismatch => EventRefusal::NoPrediction,
            Self::RowsDiffer => EventRefusal::RowsDiffer,
            Self::Record(_) | Self::Unstorable => EventRefusal::InvalidRecord,
        }
    }
}
