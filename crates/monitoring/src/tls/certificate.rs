//! A certificate and the key that belongs to it.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::crypto::ring;
use crate::credentials::CurrentCredential;

/// The certificate that the service shows, with its private key.
pub(super) struct ServerCertificate {
    key: Arc<CertifiedKey>,
    /// The Unix time at which it expires.
    pub(super) expires: f64,
}

impl ServerCertificate {
    /// Reads the two files, in PEM.
    pub(super) fn read(files: &[Vec<u8>]) -> Result<Self, String> {
        let [chain, key] = files else { return Err("there must be two files".to_owned()) };
        let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|problem| format!("the first is not PEM: {problem}"))?;
        let Some(own) = chain.first() else { return Err("the first holds no certificate".to_owned()) };
        let expires = not_after(own).ok_or_else(|| "the first holds no X.509 certificate".to_owned())?;
        // The parser's own message could quote the key.
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|_| "the second holds no private key in PEM".to_owned())?;
        let key = CertifiedKey::from_der(chain, key, &ring())
            .map_err(|problem| format!("the certificate cannot be used with the key: {problem}"))?;
        Ok(Self { key: Arc::new(key), expires: expires as f64 })
    }
}

/// The Unix time at which a certificate expires; `None` if the bytes are no certificate.
fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// Shows the certificate that the files hold at the time of the handshake.
pub(super) struct CertificateResolver(pub(super) CurrentCredential<ServerCertificate>);

impl fmt::Debug for CertificateResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateResolver")
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get().key.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn certificates_end_when_they_say() {
        // From 2050 on, RFC 5280 writes the year with four digits instead of two.
        for (year, expected) in [(2030, 1_893_456_000), (2049, 2_493_072_000), (2060, 2_840_140_800)] {
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
            assert_eq!(not_after(certificate.der()), Some(expected), "{year}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = not_after(&bytes);
            let _ = not_after(&[&[0x30, 0x82, 0x01, 0x00, 0x30, 0x81, 0xf0][..], &bytes].concat());
        }
    }
}
