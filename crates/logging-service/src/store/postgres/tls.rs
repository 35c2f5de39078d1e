//! An encrypted connection to the server.
//!
//! Rule of thumb: encrypted means verified. Who takes any certificate talks in secret to whoever answers.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::session::DatabaseError;

/// Who may vouch for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those whom the system trusts.
    System,
    /// Those in a file of certificates.
    File(PathBuf),
}

impl Trust {
    /// Encrypts connections to servers that somebody vouches for, under the name that is in the URL. The certificates
    /// are read for each connection, so that new ones need no restart.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] where there are none.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, DatabaseError> {
        let certificates = match self {
            Self::System => rustls_native_certs::load_native_certs().certs,
            Self::File(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|error| DatabaseError::Failed(format!("{}: {error}", path.display())))?,
        };
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(DatabaseError::Failed(format!("no certificates to verify the server with: {self:?}")));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| DatabaseError::Failed(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}
