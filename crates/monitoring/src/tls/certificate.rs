//! A certificate and the key that belongs to it.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{expiry, ring};
use crate::credentials::Current;

/// What the service shows of itself.
pub(super) struct Certificate {
    key: Arc<CertifiedKey>,
    /// Unix time of its end.
    pub(super) expires: f64,
}

impl Certificate {
    /// Reads the two files, in PEM.
    pub(super) fn read(files: &[Vec<u8>]) -> Result<Self, String> {
        let [chain, key] = files else { return Err("there must be two files".to_owned()) };
        let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|problem| format!("the first is not PEM: {problem}"))?;
        let Some(own) = chain.first() else { return Err("the first holds no certificate".to_owned()) };
        let expires = expiry::not_after(own).ok_or_else(|| "the first holds no X.509 certificate".to_owned())?;
        // What exactly is wrong with it would quote it.
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| "the second holds no private key in PEM".to_owned())?;
        let key = CertifiedKey::from_der(chain, key, &ring())
            .map_err(|problem| format!("the certificate cannot be used with the key: {problem}"))?;
        Ok(Self { key: Arc::new(key), expires: expires as f64 })
    }
}

/// Shows whatever the files hold when a connection comes.
pub(super) struct Resolver(pub(super) Current<Certificate>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get().key.clone())
    }
}
