//! A request as it is sent, and the kind of time in which it is.

use serde_json::Value;

/// What kind of time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Episode {
    /// As always.
    Normal,
    /// The camera fails, and other things come before it.
    Drift,
}

/// A request for `POST /predict`.
#[derive(Clone, Debug)]
pub(super) struct DemoRequest {
    /// Path and query.
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    /// Predictions that it asks for, as the service counts them.
    pub(super) items: u64,
    /// The truths that become known of them.
    pub(super) labels: TrueLabels,
}

/// Labels for `POST /feedback`.
#[derive(Clone, Debug, Default)]
pub(super) struct TrueLabels(pub(super) Vec<Value>);
