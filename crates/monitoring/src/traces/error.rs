//! Why traces cannot be exported.

use crate::metrics::MetricsError;

/// Traces cannot be exported as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A variable has a value that is not taken.
    #[error("{variable} is {value:?}; expected {expected}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// The values that are taken.
        expected: &'static str,
    },
    /// The exporter could not be made.
    #[error("spans cannot be exported: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The metric of the spans is registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}
