//! Encrypted connections, with a certificate that is read again when its files change.
//!
//! Rule of thumb: a connection is encrypted before a byte of it is looked at, and nobody waits for another's handshake.

mod certificate;
mod expiry;
mod stream;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::credentials::{Credential, CredentialError, CredentialMetrics, Current, Source};
use crate::metrics::{MetricsError, MetricsRegistry};
use certificate::{Certificate, Resolver};
pub use stream::Stream;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Makes ring the cryptography of this process, for every client and server in it. May be called again.
pub fn use_ring() {
    // An error means that it was called before.
    let _ = default_provider().install_default();
}

pub(crate) fn ring() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

/// How the connections of one protocol are taken. Clones share the certificate.
#[derive(Clone, Default)]
pub struct Encryption(Option<TlsAcceptor>);

impl Encryption {
    /// Whether there is any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The connection as it is to be read from and written to; a handshake comes first.
    ///
    /// # Errors
    /// If the handshake fails, or takes more than 10 seconds.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<Stream> {
        let Some(acceptor) = &self.0 else { return Ok(Stream::Plain(stream)) };
        match timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(accepted) => Ok(Stream::Encrypted(Box::new(accepted?))),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")),
        }
    }
}

/// Encryption with one certificate, for each of the protocols that a service speaks.
#[derive(Clone, Default)]
pub struct Tls {
    /// For HTTP/1.
    pub http: Encryption,
    /// For gRPC, which is HTTP/2.
    pub grpc: Encryption,
}

impl Tls {
    /// Reads certificate and key, and again when they change.
    pub(crate) fn follow(
        (certificate, key): (&Path, &Path),
        metrics: &CredentialMetrics,
        expiry: &Expiry,
    ) -> Result<Self, CredentialError> {
        let source = Source {
            credential: Credential::Certificate,
            flag: "--tls-cert, --tls-key",
            files: vec![certificate.to_owned(), key.to_owned()],
            read: Certificate::read,
        };
        Ok(Self::with(expiry.of(Current::follow(source, metrics)?)))
    }

    fn with(certificate: Current<Certificate>) -> Self {
        let resolver = Arc::new(Resolver(certificate));
        let speaking = |protocol: &[u8]| {
            // Ring has what the versions need that are compiled in.
            let versions = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions().ok()?;
            let mut config = versions.with_no_client_auth().with_cert_resolver(resolver.clone());
            config.alpn_protocols = vec![protocol.to_vec()];
            Some(TlsAcceptor::from(Arc::new(config)))
        };
        Self { http: Encryption(speaking(b"http/1.1")), grpc: Encryption(speaking(b"h2")) }
    }
}

/// The metric of the certificate's end.
pub(crate) struct Expiry(Arc<std::sync::OnceLock<Current<Certificate>>>);

impl Expiry {
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let certificate = Arc::<std::sync::OnceLock<Current<Certificate>>>::default();
        let read = certificate.clone();
        registry.gauge_fn(
            "tls_certificate_expiry_timestamp_seconds",
            "Unix time at which the certificate in use expires; 0 without TLS.",
            move || read.get().map_or(0.0, |certificate| certificate.get().expires),
        )?;
        Ok(Self(certificate))
    }

    fn of(&self, certificate: Current<Certificate>) -> Current<Certificate> {
        self.0.get_or_init(|| certificate).clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
