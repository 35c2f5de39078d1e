//! A PostgreSQL server for the tests of one program.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, NoTls};
use testkit::{FarMachine, PostgresServer, give_to_server, skip_without};

/// A running server.
pub(crate) struct Server(pub(super) PostgresServer);

/// A server that encrypts.
pub(crate) struct EncryptedServer {
    pub(crate) server: Server,
    pub(crate) port: u16,
    /// The certificate of the authority that vouches for the server, as `localhost`.
    pub(crate) authority: PathBuf,
}

/// Makes the certificates of an authority, and of a server that it vouches for.
const CERTIFICATES: [&str; 3] = [
    "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt",
    "req -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout server.key -out server.csr",
    "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out server.crt",
];

impl Server {
    /// The server that the tests of this program share. It is fast instead of durable.
    ///
    /// Where PostgreSQL is not installed, the test is to be skipped, and says so; a build server has it.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&["fsync=off", "full_page_writes=off"])).as_ref()
    }

    /// A server for one test, which may stop it.
    pub(crate) fn own() -> Option<Self> {
        Self::start(&[])
    }

    /// A server that encrypts, at a loopback port.
    pub(crate) fn encrypted() -> Option<EncryptedServer> {
        let openssl = skip_without("openssl", "encryption")?;
        let mut server = Self::own()?;
        server.stop();
        for arguments in CERTIFICATES {
            let made = Command::new(&openssl).args(arguments.split(' ')).current_dir(server.folder()).output().unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        let [certificate, key, authority] =
            ["server.crt", "server.key", "ca.crt"].map(|name| server.folder().join(name));
        give_to_server(&key);
        let certificate = format!("ssl_cert_file={}", certificate.display());
        let key = format!("ssl_key_file={}", key.display());
        server.set(&["ssl=on", certificate.as_str(), key.as_str()]);
        server.listen();
        server.run();
        let port = server.port();
        Some(EncryptedServer { server, port, authority })
    }

    /// A server for one test, with settings such as `wal_level=replica`, at a loopback port.
    pub(crate) fn listening(settings: &[&str]) -> Option<Self> {
        let mut server = Self::start(settings)?;
        server.stop();
        server.listen();
        server.run();
        Some(server)
    }

    /// A server for one test, on another machine.
    pub(crate) fn at(machine: &FarMachine) -> Option<Self> {
        let mut server = Self::own()?;
        server.stop();
        server.listen_at(machine);
        server.run();
        Some(server)
    }

    fn start(settings: &[&str]) -> Option<Self> {
        let settings = [&["max_connections=500"][..], settings].concat();
        PostgresServer::start_temporary(&settings, "the store on PostgreSQL").map(Self)
    }

    /// A database that no other test knows.
    pub(crate) fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut client = Client::connect(&self.url("postgres"), NoTls).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name} STRATEGY wal_log")).unwrap();
        name
    }
}

impl Deref for Server {
    type Target = PostgresServer;

    fn deref(&self) -> &PostgresServer {
        &self.0
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut PostgresServer {
        &mut self.0
    }
}
