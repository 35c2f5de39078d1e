//! Why the service cannot start.

use std::io;

use monitoring::{HttpSetupError, MetricsError, SecurityError, TracesError};

use crate::log_service::LogServiceError;
use crate::model::{ModelError, RuntimeError};
use crate::notices::NoticeError;
use crate::outbox::OutboxError;

/// Why the service cannot start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum RunServiceError {
    /// The model repository as a whole cannot be served.
    #[error("the model repository (--models) cannot be served: {0}")]
    Repository(ModelError),
    /// The engine that runs the models cannot be started.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A metric could not be registered.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The HTTP layer could not be set up.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// Keys or certificates cannot be used.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The logging service cannot be asked as configured.
    #[error(transparent)]
    LogService(#[from] LogServiceError),
    /// The outbox could not be set up.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// Traces cannot be exported as the environment asks.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The sending of profiles and declarations could not be set up.
    #[error(transparent)]
    Notices(#[from] NoticeError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] io::Error),
}
