//! The flags of keys and certificates that every service has.

use std::path::PathBuf;

use clap::Args;

use crate::credentials::{CredentialError, CredentialMetrics};
use crate::http::Access;
use crate::keys::ApiKeys;
use crate::metrics::{MetricsError, MetricsRegistry};
use crate::tls::{CertificateExpiry, Tls};

/// Which clients are let in, and how their connections are encrypted. All of it is off by default.
#[derive(Args, Clone, Debug, Default)]
pub struct SecurityOptions {
    /// A file of keys, one a line, `name:key` or `key`; whoever asks needs one of them. `name read:key` may only ask, `name label:key` may give labels, too. Left out: anybody is answered.
    #[arg(long, env = "API_KEYS_FILE", value_name = "FILE")]
    pub api_keys: Option<PathBuf>,

    /// GET /metrics needs a key, too.
    #[arg(long, env = "METRICS_NEED_KEY", requires = "api_keys")]
    pub metrics_need_key: bool,

    /// A file with the certificate to show and those that vouch for it (PEM): every port then speaks TLS, and nothing
    /// else.
    #[arg(long, env = "TLS_CERT_FILE", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// A file with the certificate's private key (PEM).
    #[arg(long, env = "TLS_KEY_FILE", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl SecurityOptions {
    /// Whether the ports speak TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.tls_cert.is_some()
    }
}

/// The keys and certificates that the [`SecurityOptions`] name.
pub struct Security {
    /// Which clients the service lets in.
    pub access: Access,
    /// The certificate of its ports.
    pub tls: Tls,
    /// For further files that are read again when they change.
    pub credentials: CredentialMetrics,
}

/// Keys or certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// Their metrics are registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A file cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

impl Security {
    /// Reads the files, and reads them again when they change. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`SecurityError`].
    pub fn start(options: &SecurityOptions, registry: &MetricsRegistry) -> Result<Self, SecurityError> {
        let credentials = CredentialMetrics::register(registry)?;
        let keys = options.api_keys.as_deref().map(|file| ApiKeys::follow(file, &credentials)).transpose()?;
        let access = Access::new(keys, options.metrics_need_key, options.is_encrypted());
        let expiry = CertificateExpiry::register(registry)?;
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(certificate), Some(key)) => Tls::follow(certificate, key, &credentials, &expiry)?,
            _ => Tls::default(),
        };
        Ok(Self { access, tls, credentials })
    }
}
