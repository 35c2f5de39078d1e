use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::health::{HealthReport, Readiness, health_routes};
use crate::{Drain, Entrance, instrument, probe};

const PATIENCE: Duration = Duration::from_secs(30);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Certificates in files, and an authority that vouches for them.
struct Files {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let files = Self { folder: tempfile::tempdir().unwrap(), authority };
        files.renew();
        files
    }

    fn paths(&self) -> [PathBuf; 2] {
        ["certificate.pem", "key.pem"].map(|name| self.folder.path().join(name))
    }

    /// Puts another certificate into the files, and returns it.
    fn renew(&self) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        fs::write(&self.paths()[0], certificate.pem()).unwrap();
        fs::write(&self.paths()[1], key.serialize_pem()).unwrap();
        certificate.der().to_vec()
    }

    fn follow(&self, registry: &MetricsRegistry) -> Result<Tls, CredentialError> {
        let source = CredentialSource {
            credential: Credential::Certificate,
            flag: "--tls-cert",
            files: self.paths().to_vec(),
            read: ServerCertificate::read,
        };
        let metrics = CredentialMetrics::register(registry).unwrap();
        let certificate = CurrentCredential::follow_every(Duration::from_millis(5), source, &metrics)?;
        Ok(Tls::new(certificate, &CertificateExpiry::register(registry).unwrap()))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        self.handshake(TcpStream::connect(address).await?).await
    }

    async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let versions = ClientConfig::builder_with_provider(ring()).with_safe_default_protocol_versions().unwrap();
        let config = versions.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

struct Service {
    address: SocketAddr,
    registry: MetricsRegistry,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Service {
    async fn start(files: &Files) -> Self {
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let readiness = Readiness::starting();
        readiness.set_ready();
        let routes = health_routes(readiness.clone(), HealthReport::default).get("/", async || "here");
        let router: Router = instrument(routes, &registry, readiness.clone()).unwrap();
        let tls = files.follow(&registry).unwrap();
        let entrance = Entrance { tls, ..listener.into() };
        let drain = Drain { readiness, notice: Duration::ZERO, patience: PATIENCE };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(crate::serve(entrance, router, drain, async {
            let _ = stopped.await;
        }));
        Self { address, registry, stop, serving }
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.registry.render(crate::Exposition::Classic);
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap()
    }
}

async fn answered(mut connection: TlsStream<TcpStream>) -> String {
    connection.write_all(REQUEST).await.unwrap();
    let mut bytes = Vec::new();
    timeout(PATIENCE, connection.read_to_end(&mut bytes)).await.expect("no end").unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_handshake_keeps_no_other_waiting() {
    let files = Files::new();
    let service = Service::start(&files).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(service.address).await.unwrap());
    }
    assert!(answered(files.connect(service.address).await.unwrap()).await.ends_with("here"));
    let mut plain = TcpStream::connect(service.address).await.unwrap();
    plain.write_all(REQUEST).await.unwrap();
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, plain.read_to_end(&mut bytes)).await.expect("it is never closed");
    assert!(!String::from_utf8_lossy(&bytes).contains("HTTP"), "an answer in the clear");
    let address = service.address;
    tokio::task::spawn_blocking(move || {
        probe(address, true).unwrap();
        assert!(probe(address, false).is_err());
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_is_shown_from_the_next_connection_on() {
    let files = Files::new();
    let service = Service::start(&files).await;
    let shown = async || {
        let connection = files.connect(service.address).await.unwrap();
        connection.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let until = async |what: &str, condition: &dyn Fn() -> bool| {
        let waiting = async {
            while !condition() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
    };
    let reloads = |outcome: &str| {
        let labels = format!("{{credential=\"certificate\",outcome=\"{outcome}\"}}");
        service.metric(&format!("credential_reloads_total{labels}"))
    };
    let open = files.connect(service.address).await.unwrap();
    assert!(service.metric("tls_certificate_expiry_timestamp_seconds") > 1e9);
    let renewed = files.renew();
    until("the new one is read", &|| reloads("success") == 1.0).await;
    assert_eq!(shown().await, renewed);

    let [certificate, key] = files.paths();
    for (file, content) in [(&key, KeyPair::generate().unwrap().serialize_pem()), (&certificate, String::new())] {
        let failures = reloads("failure");
        fs::write(file, content).unwrap();
        until("the broken one is noticed", &|| reloads("failure") > failures).await;
        assert_eq!(shown().await, renewed);
    }
    assert_eq!(service.metric("credential_last_reload_successful{credential=\"certificate\"}"), 0.0);
    assert!(answered(open).await.ends_with("here"), "a connection outlives its certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_files_are_refused_at_the_start_without_quoting_a_key() {
    let files = Files::new();
    let [certificate, key] = files.paths();
    let (good, other) = (fs::read_to_string(&certificate).unwrap(), KeyPair::generate().unwrap().serialize_pem());
    let secret = other.lines().nth(1).unwrap().to_owned();
    let unfinished = other.lines().take(2).collect::<Vec<_>>().join("\n");
    for (first, second, says) in [
        ("", other.as_str(), "no certificate"),
        ("nonsense", other.as_str(), "no certificate"),
        (other.as_str(), other.as_str(), "no certificate"),
        (good.as_str(), "", "no private key"),
        (good.as_str(), unfinished.as_str(), "no private key"),
        (good.as_str(), good.as_str(), "no private key"),
        (good.as_str(), other.as_str(), "cannot be used with the key"),
    ] {
        fs::write(&certificate, first).unwrap();
        fs::write(&key, second).unwrap();
        let problem = files.follow(&MetricsRegistry::new("test", "1").unwrap()).err().unwrap().to_string();
        assert!(problem.contains(says) && problem.contains(certificate.to_str().unwrap()), "{problem}");
        assert!(!problem.contains(&secret), "{problem}");
    }
    fs::remove_file(&key).unwrap();
    let problem = files.follow(&MetricsRegistry::new("test", "1").unwrap()).err().unwrap().to_string();
    assert!(problem.contains("cannot be read"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_connected_before_the_stop_is_answered_after_a_late_handshake() {
    let files = Files::new();
    let service = Service::start(&files).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(TcpStream::connect(service.address).await.unwrap());
    }
    service.stop.send(()).unwrap();
    let refused = async { while TcpStream::connect(service.address).await.is_ok() {} };
    timeout(PATIENCE, refused).await.expect("the port stays open");
    for client in clients {
        assert!(answered(files.handshake(client).await.unwrap()).await.ends_with("here"));
    }
    timeout(PATIENCE, service.serving).await.expect("it never stops").unwrap().unwrap();
}
