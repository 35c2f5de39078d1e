//! A PostgreSQL server for the tests of one program: it has no port and no file outside of its folder, and ends with the
//! program.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

/// Ends the server when the pipe from the test program closes, however that program ends.
const GUARD: &str = r#"
trap '' INT TERM HUP
"$@" >"$FOLDER/log" 2>&1 & pid=$!
read -r _
kill -QUIT $pid
wait $pid
if [ -n "$REMOVE" ]; then rm -rf "$FOLDER"; fi
"#;

/// A running server.
pub(crate) struct Server {
    folder: PathBuf,
    programs: PathBuf,
    flags: Vec<String>,
    guard: Option<Child>,
    /// Whether the guard removes the folder, because the shared server is never dropped.
    is_shared: bool,
    /// Part of the socket's name; only an encrypted server has a real port.
    port: u16,
}

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
        SHARED.get_or_init(|| Self::start(true, &["fsync=off", "full_page_writes=off"])).as_ref()
    }

    /// A server for one test, which may stop it.
    pub(crate) fn own() -> Option<Self> {
        Self::start(false, &[])
    }

    /// A server that encrypts, at a loopback port.
    pub(crate) fn encrypted() -> Option<EncryptedServer> {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(!on_build_server(), "openssl is not installed");
            eprintln!("SKIPPED: encryption is not tested, because openssl is not installed");
            return None;
        }
        let mut server = Self::own()?;
        server.crash();
        for arguments in CERTIFICATES {
            let made = Command::new("openssl").args(arguments.split(' ')).current_dir(&server.folder).output().unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        if is_root() {
            let key = server.folder.join("server.key");
            assert!(Command::new("chown").arg("postgres:").arg(key).status().unwrap().success());
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = |name: &str| server.folder.join(name).display().to_string();
        let settings = [
            "ssl=on".to_owned(),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("ssl_cert_file={}", file("server.crt")),
            format!("ssl_key_file={}", file("server.key")),
        ];
        server.flags.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        let authority = server.folder.join("ca.crt");
        server.port = port;
        server.run();
        Some(EncryptedServer { server, port, authority })
    }

    /// A server for one test, with settings such as `wal_level=replica`, at a loopback port.
    pub(crate) fn listening(settings: &[&str]) -> Option<Self> {
        let mut server = Self::start(false, settings)?;
        server.crash();
        server.listen();
        server.run();
        Some(server)
    }

    /// Gives it a loopback port, from the next start on.
    pub(super) fn listen(&mut self) {
        self.port = testkit::free_address().port();
        let settings = ["listen_addresses=127.0.0.1".to_owned(), format!("port={}", self.port)];
        self.flags.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// An empty server of the same settings, whose data are another's.
    pub(super) fn beside(&self) -> Self {
        let folder = Self::folder();
        Self {
            folder,
            programs: self.programs.clone(),
            flags: self.flags.clone(),
            guard: None,
            is_shared: false,
            port: 0,
        }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn start(is_shared: bool, settings: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(!on_build_server(), "PostgreSQL is not installed");
            eprintln!("SKIPPED: PostgreSQL is not tested, because it is not installed (Debian's package postgresql)");
            return None;
        };
        let folder = Self::folder();
        let flags = settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect();
        let mut server = Self { folder, programs, flags, guard: None, is_shared, port: 5432 };
        let made = server
            .command("initdb")
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(server.folder.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        server.run();
        Some(server)
    }

    /// A folder that belongs to the server's user.
    fn folder() -> PathBuf {
        let folder = tempfile::Builder::new().prefix("glasshouse-pg").tempdir().unwrap().keep();
        if is_root() {
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).unwrap();
            assert!(Command::new("chown").arg("postgres:").arg(&folder).status().unwrap().success());
        }
        folder
    }

    /// Starts the server, and returns when it answers.
    pub(crate) fn run(&mut self) {
        let postgres = self.command("postgres");
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(postgres.get_program()).args(postgres.get_args());
        guard.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        guard.args(["-c", "listen_addresses=", "-c", "max_connections=500"]).args(&self.flags);
        guard.env("FOLDER", &self.folder).env("REMOVE", if self.is_shared { "yes" } else { "" });
        self.guard = Some(guard.current_dir("/").stdin(Stdio::piped()).spawn().unwrap());
        let started = Instant::now();
        while Client::connect(&self.url("postgres"), NoTls).is_err() {
            let log = || fs::read_to_string(self.folder.join("log"));
            assert!(started.elapsed() < Duration::from_secs(60), "the server does not answer: {:?}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server at once, as a crash would, and returns when it is gone.
    pub(crate) fn crash(&mut self) {
        let mut guard = self.guard.take().unwrap();
        drop(guard.stdin.take());
        guard.wait().unwrap();
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres:the-secret@{folder}:{}/{database}", self.port)
    }

    /// A database that no other test knows.
    pub(crate) fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut client = Client::connect(&self.url("postgres"), NoTls).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name} STRATEGY wal_log")).unwrap();
        name
    }

    /// A program of PostgreSQL's; where this is root, it runs as the user `postgres`, because it refuses to run as root.
    pub(super) fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program).current_dir("/");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.guard.is_some() {
            self.crash();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn on_build_server() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The folder with the programs of the newest PostgreSQL: in the search path, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    let needed = ["initdb", "postgres", "pg_basebackup"];
    let complete = |folder: &PathBuf| needed.iter().all(|program| Path::new(folder).join(program).is_file());
    std::env::split_paths(&in_path).chain(debian.into_iter().rev()).find(complete)
}
