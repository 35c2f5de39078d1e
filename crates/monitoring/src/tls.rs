//! Encrypted connections.

/// Makes ring the cryptography of this process, for every client and server in it. May be called again.
pub fn use_ring() {
    // An error means that it was called before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
