//! A PostgreSQL server of one test or measurement, in a folder of its own.
//!
//! Rule of thumb: it has no port and no file outside of its folder, and ends with the program that started it, however
//! that ends.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::skip;

/// Ends the server when the pipe from this program closes.
const GUARD: &str = r#"
trap '' INT TERM HUP
"$@" >>"$FOLDER/log" 2>&1 & pid=$!
read -r _
kill -QUIT $pid 2>/dev/null
wait $pid
"#;
const START_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running server. It is ended when this is dropped; its folder stays.
pub struct PostgresServer {
    folder: PathBuf,
    programs: PathBuf,
    settings: Vec<String>,
    guard: Option<Child>,
}

impl PostgresServer {
    /// Makes a server in this folder, with settings such as `shared_buffers=1GB`, and starts it; a folder that has one is
    /// taken as it is. Where PostgreSQL is not installed, says on stderr that `what` is not tested.
    ///
    /// # Panics
    /// If it cannot be made or does not start; so do the others.
    pub fn start(folder: &Path, settings: &[&str], what: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            skip(&format!("PostgreSQL is not installed (Debian package postgresql), so {what} is not tested"));
            return None;
        };
        fs::create_dir_all(folder).expect("a folder for the server");
        if is_root() {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).expect("the folder is opened");
            let owned = Command::new("chown").arg("postgres:").arg(folder).status().expect("chown runs");
            assert!(owned.success(), "the folder does not go to the user postgres");
        }
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = Self { folder: folder.to_owned(), programs, settings, guard: None };
        if !server.data().exists() {
            let mut initdb = server.command("initdb");
            initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]);
            said(&initdb.arg(server.data()).output().expect("initdb runs"));
        }
        server.run();
        Some(server)
    }

    /// Starts the server again, and returns when it answers.
    pub fn run(&mut self) {
        let started = Instant::now();
        while !self.comes_up(started + START_PATIENCE) {
            // What a killed server leaves behind is in use until its last process has noticed.
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(started.elapsed() < START_PATIENCE, "the server does not start: {log}");
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Starts it, and says whether it answered before it ended.
    fn comes_up(&mut self, until: Instant) -> bool {
        let postgres = self.command("postgres");
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(postgres.get_program()).args(postgres.get_args());
        guard.arg("-D").arg(self.data()).arg("-k").arg(&self.folder).args(["-c", "listen_addresses="]);
        guard.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        guard.env("FOLDER", &self.folder).current_dir("/").stdin(Stdio::piped());
        self.guard = Some(guard.spawn().expect("the server starts"));
        while Instant::now() < until {
            if self.command("pg_isready").arg("-q").arg("-h").arg(&self.folder).status().is_ok_and(|it| it.success()) {
                return true;
            }
            if !self.data().join("postmaster.pid").exists() && !self.waits() {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        self.end();
        false
    }

    /// Whether the server is still on its way: its log does not end with a fatal error.
    fn waits(&self) -> bool {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        !log.lines().rev().take(3).any(|line| line.contains("FATAL"))
    }

    /// Kills the server's first process with SIGKILL; the others end when they notice.
    pub fn crash(&mut self) {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("the server runs");
        let process = file.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
        kill_process(process.expect("the id of a process"), Signal::KILL).expect("the server is killed");
        self.end();
    }

    fn end(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            // It may have ended, which is fine as well.
            let _ = guard.wait();
        }
    }

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        let folder = self.folder.to_str().expect("a path in Unicode").replace('/', "%2F");
        format!("postgres://postgres:the-secret@{folder}/postgres")
    }

    /// The rows that a query gives, each as texts.
    pub fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let mut psql = self.command("psql");
        psql.args(["-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-c", sql, "-h"]).arg(&self.folder);
        let text = said(&psql.output().expect("psql runs"));
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of PostgreSQL's; where this is root, it runs as the user `postgres`, because it refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program).current_dir("/");
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a program printed; it must have succeeded.
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The folder with the programs of the newest PostgreSQL: in the search path, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    let complete = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file());
    std::env::split_paths(&in_path).chain(debian.into_iter().rev()).find(complete)
}
