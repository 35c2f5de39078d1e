//! Encrypted connections, with a certificate that is read again when its files change.
//!
//! Rule of thumb: a connection is encrypted before a byte of it is looked at, and no client waits for the handshake of
//! another.

mod certificate;
mod crypto;

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::credentials::{Credential, CredentialError, CredentialMetrics, CredentialSource, CurrentCredential};
use crate::metrics::{MetricsError, MetricsRegistry};
use certificate::{CertificateResolver, ServerCertificate};
pub(crate) use crypto::ring;
pub use crypto::use_ring;

/// How long a handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// A connection as the HTTP server reads and writes it, in the clear.
pub(crate) type ClientStream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// What the connections of one port speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/1.0 for clients that know no better.
    #[default]
    Http1,
    /// HTTP/2, on which gRPC stands.
    Http2,
}

impl Protocol {
    /// Its name in the handshake (ALPN).
    fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// Turns accepted connections into streams, with a handshake where there is a certificate. Clones share it.
#[derive(Clone)]
pub(crate) struct Encryption(Option<TlsAcceptor>);

impl Encryption {
    /// Does the handshake, where there is one.
    ///
    /// # Errors
    /// If the handshake fails, or takes more than 10 seconds.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<ClientStream> {
        let Some(acceptor) = &self.0 else { return Ok(Either::Left(stream)) };
        match timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await {
            Ok(accepted) => Ok(Either::Right(Box::new(accepted?))),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")),
        }
    }
}

/// The certificate of a service, for all its ports; by default there is none, and connections are not encrypted. Clones
/// share it.
#[derive(Clone, Default)]
pub struct Tls(Option<Arc<CertificateResolver>>);

impl Tls {
    /// Reads certificate and key, and again when they change.
    pub(crate) fn follow(
        certificate: &Path,
        key: &Path,
        metrics: &CredentialMetrics,
        expiry: &CertificateExpiry,
    ) -> Result<Self, CredentialError> {
        let source = CredentialSource {
            credential: Credential::Certificate,
            flag: "--tls-cert, --tls-key",
            files: vec![certificate.to_owned(), key.to_owned()],
            read: ServerCertificate::read,
        };
        Ok(Self::new(CurrentCredential::follow(source, metrics)?, expiry))
    }

    fn new(certificate: CurrentCredential<ServerCertificate>, expiry: &CertificateExpiry) -> Self {
        expiry.watch(&certificate);
        Self(Some(Arc::new(CertificateResolver(certificate))))
    }

    /// How the connections of a port that speaks `protocol` are accepted.
    pub(crate) fn encryption(&self, protocol: Protocol) -> io::Result<Encryption> {
        let Some(resolver) = self.0.clone() else { return Ok(Encryption(None)) };
        let versions = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions();
        let versions = versions.map_err(io::Error::other)?;
        let mut config = versions.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![protocol.alpn().to_vec()];
        Ok(Encryption(Some(TlsAcceptor::from(Arc::new(config)))))
    }
}

/// The metric of the certificate's end.
pub(crate) struct CertificateExpiry(Arc<OnceLock<CurrentCredential<ServerCertificate>>>);

impl CertificateExpiry {
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let certificate = Arc::<OnceLock<CurrentCredential<ServerCertificate>>>::default();
        let read = certificate.clone();
        registry.gauge_fn(
            "tls_certificate_expiry_timestamp_seconds",
            "Unix time at which the certificate in use expires; 0 without TLS.",
            move || read.get().map_or(0.0, |certificate| certificate.get().expires),
        )?;
        Ok(Self(certificate))
    }

    fn watch(&self, certificate: &CurrentCredential<ServerCertificate>) {
        self.0.get_or_init(|| certificate.clone());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
