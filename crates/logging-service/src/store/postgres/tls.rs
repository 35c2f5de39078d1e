//! An encrypted connection to the server.
//!
//! Rule of thumb: encrypted means verified. A client that takes any certificate talks in secret to whoever answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::error::DatabaseError;

/// The authorities that may vouch for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServerTrust {
    /// The authorities that the system trusts.
    System,
    /// The authorities in a file of certificates.
    File(PathBuf),
}

impl ServerTrust {
    /// A connector that takes only servers for which an authority vouches, under the name that is in the URL. The
    /// certificates are read for each connection, so that new ones need no restart.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] where there are no certificates.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, DatabaseError> {
        let failed = |error: rustls::Error| DatabaseError::Failed(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let builder = match self {
            Self::System => builder.with_platform_verifier().map_err(failed)?,
            Self::File(path) => builder.with_root_certificates(roots(path)?),
        };
        Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
    }
}

/// The certificates of a file.
fn roots(path: &Path) -> Result<RootCertStore, DatabaseError> {
    let failed = |problem: &dyn std::fmt::Display| DatabaseError::Failed(format!("{}: {problem}", path.display()));
    let certificates: Vec<CertificateDer<'_>> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| failed(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(failed(&"there are no certificates to verify the server with"));
    }
    Ok(roots)
}
