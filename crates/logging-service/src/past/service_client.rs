//! The client of a running service.
//!
//! Rule of thumb: what may succeed another time is tried again until the patience is over; what is refused is not.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use monitoring::{CredentialMetrics, MetricsRegistry, OutgoingKey};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, StatusCode, Url};

use super::patience::Patience;
use super::service_options::ServiceOptions;

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends requests to one service.
pub(super) struct ServiceClient {
    client: Client,
    base: Url,
    key: Option<OutgoingKey>,
}

/// A request's body.
pub(super) struct ServiceRequest<'a> {
    pub(super) method: Method,
    pub(super) route: &'a str,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// What the service answered for good.
pub(super) enum ServiceAnswer {
    /// 200, with the body.
    Done(Vec<u8>),
    /// The content is refused: the beginning of the body.
    Refused(String),
}

impl ServiceClient {
    /// The client of the service that the options name; `None` where they name none.
    ///
    /// # Errors
    /// The key or the certificates cannot be used.
    pub(super) fn new(options: &ServiceOptions) -> anyhow::Result<Option<Self>> {
        let Some(base) = options.to.clone() else { return Ok(None) };
        monitoring::use_ring();
        // A redirect or a proxy would send predictions elsewhere than they were meant to go.
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(ATTEMPT_TIMEOUT);
        let client = match &options.log_ca {
            Some(file) => client.tls_certs_only(certificates(file)?),
            None if base.scheme() == "https" => client,
            // Without this, the system's certificates are read, and have to be there, for nothing.
            None => client.tls_certs_only([]),
        };
        // A command has no metrics that anyone asks for.
        let metrics = CredentialMetrics::register(&MetricsRegistry::new(crate::SERVICE, env!("CARGO_PKG_VERSION"))?)?;
        let key =
            options.log_key.as_deref().map(|file| OutgoingKey::follow("--log-key", file, &metrics)).transpose()?;
        Ok(Some(Self { client: client.build()?, base, key }))
    }

    /// Sends a request until it is done or refused.
    ///
    /// # Errors
    /// The service was away for too long, or does not let this client in.
    pub(super) async fn send(&self, request: &ServiceRequest<'_>) -> anyhow::Result<ServiceAnswer> {
        let mut patience = Patience::begin();
        loop {
            let problem = match self.attempt(request).await {
                Ok((StatusCode::OK, body)) => return Ok(ServiceAnswer::Done(body)),
                Ok((status, body)) => {
                    let text = format!("{status}: {}", String::from_utf8_lossy(&body[..body.len().min(500)]));
                    match status.as_u16() {
                        400 | 413 | 422 => return Ok(ServiceAnswer::Refused(text)),
                        401 | 403 => bail!("{} lets nobody in with this key: {text}; see --log-key", self.base),
                        300..=405 => bail!("{} is no logging service: {text}", self.base),
                        _ => text,
                    }
                }
                Err(problem) => with_causes(&problem),
            };
            patience.rest(self.base.as_str(), &problem).await?;
        }
    }

    async fn attempt(&self, request: &ServiceRequest<'_>) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(request.route.split('/'));
        }
        let sent = self.client.request(request.method.clone(), url).header(CONTENT_TYPE, request.content_type);
        let sent = match &self.key {
            Some(key) => sent.header(AUTHORIZATION, key.header()),
            None => sent,
        };
        let response = sent.body(request.body.clone()).send().await?;
        Ok((response.status(), response.bytes().await?.to_vec()))
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

fn certificates(file: &Path) -> anyhow::Result<Vec<Certificate>> {
    let place = || format!("--log-ca {}", file.display());
    let bytes = std::fs::read(file).with_context(place)?;
    let certificates = Certificate::from_pem_bundle(&bytes).with_context(place)?;
    if certificates.is_empty() {
        bail!("{}: it holds no certificate", place());
    }
    Ok(certificates)
}
