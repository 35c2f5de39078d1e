//! The way to the logging service: where it is, whom to trust on the way, and the key to show.

use std::path::{Path, PathBuf};

use axum::http::header::AUTHORIZATION;
use monitoring::{CredentialError, CredentialMetrics, OutgoingKey};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, RequestBuilder, Url};

use crate::config::{Config, LogUrl};

/// The logging service cannot be asked as configured.
#[derive(Debug, thiserror::Error)]
pub enum LogServiceError {
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The certificates cannot be used.
    #[error("--log-ca {}: {problem}", file.display())]
    Certificates {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] CredentialError),
}

/// The logging service; perhaps there is none.
pub(crate) struct LogService {
    client: Client,
    url: LogUrl,
    key: Option<OutgoingKey>,
}

/// One of its routes.
#[derive(Clone, Debug)]
pub(crate) struct LogRoute {
    client: Client,
    url: Url,
    key: Option<OutgoingKey>,
}

impl LogService {
    /// # Errors
    /// [`LogServiceError`].
    pub(crate) fn new(config: &Config, credentials: &CredentialMetrics) -> Result<Self, LogServiceError> {
        monitoring::use_ring();
        // A redirect or a proxy would send predictions elsewhere than configured.
        let client = Client::builder().redirect(Policy::none()).no_proxy();
        let client = match &config.log_ca {
            Some(file) => client.tls_certs_only(certificates(file)?),
            None if config.log_url.is_encrypted() => client,
            // Without this, the system's certificates are read, and have to be there, for nothing.
            None => client.tls_certs_only([]),
        };
        let key = config.log_key.as_deref().map(|file| OutgoingKey::follow("--log-key", file, credentials));
        Ok(Self { client: client.build()?, url: config.log_url.clone(), key: key.transpose()? })
    }

    /// A route such as `log` or `drift/reference`; `None` if predictions are not logged.
    pub(crate) fn route(&self, route: &str) -> Option<LogRoute> {
        Some(LogRoute { client: self.client.clone(), url: self.url.join(route)?, key: self.key.clone() })
    }
}

impl LogRoute {
    /// A request to it, with the key.
    pub(crate) fn request(&self, method: Method) -> RequestBuilder {
        let request = self.client.request(method, self.url.clone());
        match &self.key {
            Some(key) => request.header(AUTHORIZATION, key.header()),
            None => request,
        }
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, LogServiceError> {
    let problem = |problem: String| LogServiceError::Certificates { file: file.to_owned(), problem };
    let bytes = std::fs::read(file).map_err(|error| problem(format!("it cannot be read: {error}")))?;
    let certificates = Certificate::from_pem_bundle(&bytes).map_err(|error| problem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(problem("it holds no certificate".to_owned()));
    }
    Ok(certificates)
}
