//! The cryptography that every client and server of the process uses.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;

/// Makes ring the cryptography of this process, for every client and server in it. Calling it again does nothing.
pub fn use_ring() {
    // An error means that it was called before.
    let _ = default_provider().install_default();
}

pub(crate) fn ring() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}
