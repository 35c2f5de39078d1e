//! The client of the logging service: where that is, which certificates it may have, and the key to show.

use std::path::{Path, PathBuf};

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use clap::Args;
use monitoring::{CredentialError, CredentialMetrics, OutgoingKey, RequestContext};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, StatusCode, Url};
use tokio::time::{Instant, timeout_at};

/// How the logging service is reached, and what is shown to it.
#[derive(Args, Clone, Debug)]
pub struct LogServiceOptions {
    /// The logging service that predictions are delivered to; empty: predictions are not logged.
    #[arg(long, env = "PREDICTION_LOG_URL", default_value = "http://127.0.0.1:8001", value_parser = log_url)]
    pub log_url: LogUrl,

    /// Where people open the logging service in a browser, such as http://localhost:8001; left out: --log-url.
    #[arg(long, env = "LOG_PAGES_URL", value_parser = log_url)]
    pub log_pages_url: Option<LogUrl>,

    /// A file with the key to show to the logging service, where that wants one.
    #[arg(long, env = "PREDICTION_LOG_KEY_FILE", value_name = "FILE")]
    pub log_key: Option<PathBuf>,

    /// A file of certificates (PEM), of which one has to vouch for the logging service; left out: those that the system
    /// trusts.
    #[arg(long, env = "PREDICTION_LOG_CA_FILE", value_name = "FILE")]
    pub log_ca: Option<PathBuf>,
}

/// The base URL of the logging service, or `None` for nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogUrl(Option<Url>);

impl LogUrl {
    /// Whether the way there is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// The URL of one of the logging service's routes, such as `log` or `drift/reference`.
    #[must_use]
    pub fn join(&self, route: &str) -> Option<Url> {
        let mut url = self.0.clone()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(route.split('/'));
        Some(url)
    }
}

impl LogServiceOptions {
    /// Where the logging service's pages are, up to their folder; nothing where there is no logging service.
    pub(crate) fn pages(&self) -> Option<String> {
        let url = self.log_pages_url.as_ref().unwrap_or(&self.log_url).0.as_ref()?;
        // Credentials in the address are the service's, and no reader's.
        let mut shown = url.clone();
        shown.set_username("").and_then(|()| shown.set_password(None)).ok()?;
        Some(format!("{}/", shown.as_str().trim_end_matches('/')))
    }
}

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

/// The client of the logging service, where there is one.
pub(crate) struct LogService {
    client: Client,
    url: LogUrl,
    key: Option<OutgoingKey>,
}

/// A route of the logging service.
#[derive(Clone, Debug)]
pub(crate) struct LogRoute {
    client: Client,
    url: Url,
    key: Option<OutgoingKey>,
}

impl LogService {
    /// Makes the client.
    ///
    /// # Errors
    /// [`LogServiceError`].
    pub(crate) fn new(options: &LogServiceOptions, credentials: &CredentialMetrics) -> Result<Self, LogServiceError> {
        monitoring::use_ring();
        // A redirect or a proxy would send predictions elsewhere than configured.
        let client = Client::builder().redirect(Policy::none()).no_proxy();
        let client = match &options.log_ca {
            Some(file) => client.tls_certs_only(certificates(file)?),
            None if options.log_url.is_encrypted() => client,
            // Without this, the system's certificates are read, and have to be there, for nothing.
            None => client.tls_certs_only([]),
        };
        let key = options.log_key.as_deref().map(|file| OutgoingKey::follow("--log-key", file, credentials));
        Ok(Self { client: client.build()?, url: options.log_url.clone(), key: key.transpose()? })
    }

    /// A route such as `log` or `drift/reference`; `None` if predictions are not logged.
    pub(crate) fn route(&self, route: &str) -> Option<LogRoute> {
        Some(LogRoute { client: self.client.clone(), url: self.url.join(route)?, key: self.key.clone() })
    }
}

/// What is sent to a route.
pub(crate) struct LogRequest<'a> {
    pub(crate) method: Method,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// The span that the logging service continues.
    pub(crate) context: &'a RequestContext,
    /// When the whole answer must be there.
    pub(crate) deadline: Instant,
}

/// What the logging service answered.
pub(crate) struct LogAnswer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoLogAnswer {
    #[error("no answer in time")]
    Timeout,
    #[error("{0}")]
    Connection(String),
}

impl LogRoute {
    /// The route of one of what this one lists, with this query.
    pub(crate) fn below(&self, segment: &str, query: &str) -> Self {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(segment);
        }
        url.set_query(Some(query));
        Self { url, ..self.clone() }
    }

    /// Sends a request, with the key, and reads the answer.
    ///
    /// # Errors
    /// [`NoLogAnswer`].
    pub(crate) async fn send(&self, request: LogRequest<'_>) -> Result<LogAnswer, NoLogAnswer> {
        let LogRequest { method, content_type, body, context, deadline } = request;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        context.send_on(&mut headers);
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.header());
        }
        let exchange = async {
            let response = self.client.request(method, self.url.clone()).headers(headers).body(body).send().await?;
            Ok(LogAnswer { status: response.status(), body: response.bytes().await? })
        };
        let exchanged: Result<LogAnswer, reqwest::Error> =
            timeout_at(deadline, exchange).await.map_err(|_| NoLogAnswer::Timeout)?;
        exchanged.map_err(|error| NoLogAnswer::Connection(with_causes(&error)))
    }
}

impl LogAnswer {
    /// The status and the beginning of the body, for people.
    pub(crate) fn text(&self) -> String {
        format!("{}: {}", self.status, String::from_utf8_lossy(&self.body[..self.body.len().min(300)]))
    }
}

/// The error with its causes; the outermost alone says only that sending failed.
fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
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

/// Checks the logging service's base URL.
fn log_url(text: &str) -> Result<LogUrl, String> {
    if text.is_empty() {
        return Ok(LogUrl(None));
    }
    let url = Url::parse(text).map_err(|error| format!("{error}; expected something like http://127.0.0.1:8001"))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err("only http:// and https:// are supported".to_owned());
    }
    Ok(LogUrl(Some(url)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn log_urls() {
        let parsed = |text| log_url(text).map(|url| url.join("log").map(|url| url.to_string()));
        assert_eq!(parsed(""), Ok(None));
        assert_eq!(parsed("http://log:1/prefix/"), Ok(Some("http://log:1/prefix/log".to_owned())));
        let reference = log_url("http://log:1").unwrap().join("drift/reference").unwrap();
        assert_eq!(reference.as_str(), "http://log:1/drift/reference");
        assert!(parsed("log:8001").is_err());
        assert_eq!(parsed("https://log"), Ok(Some("https://log/log".to_owned())));
        assert!(parsed("ftp://log").is_err());
    }
}
