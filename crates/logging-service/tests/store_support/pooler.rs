//! PgBouncer in front of a server.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::server::Server;

/// When a connection of the server's may serve another client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PoolingMode {
    Session,
    Transaction,
}

/// A running PgBouncer; it ends when this is dropped.
pub(crate) struct Pooler {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Pooler {
    /// Puts a pooler with few connections in front of a server; nothing where it is not installed, and the test is to be
    /// skipped.
    pub(crate) fn start(server: &Server, mode: PoolingMode) -> Option<Self> {
        let program = testkit::skip_without("pgbouncer", "a pooler in front of PostgreSQL")?;
        let folder = tempfile::tempdir().unwrap();
        let port = testkit::free_address().port();
        let mode = match mode {
            PoolingMode::Session => "session",
            PoolingMode::Transaction => "transaction",
        };
        let file = folder.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = any\nunix_socket_dir =\npool_mode = {mode}\ndefault_pool_size = 12\n",
            server.port()
        );
        // With this kind of authentication the user comes from the database's line.
        let settings = settings.replace("* = host", "* = user=postgres host");
        fs::write(&file, settings).unwrap();
        let mut command = testkit::as_postgres(&program);
        let process = command.arg("-q").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pooler = Self { process, port, _folder: folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "PgBouncer does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(pooler)
    }

    /// The URL of a database behind it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
