//! A PostgreSQL server of one test or measurement, in a folder of its own.
//!
//! Rule of thumb: it has no port and no file outside of its folder, and ends with the program that started it, however
//! that ends.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::far_machine::FarMachine;
use crate::free_address;
use crate::postgres_programs::{as_postgres, give_to_server, programs_or_skip};

/// Ends the server when the pipe from this program closes. A folder that goes with the program is removed, unless the
/// server is to be started again.
const GUARD: &str = r#"
trap '' INT TERM HUP
"$@" >"$FOLDER/log" 2>&1 & pid=$!
read -r word
kill -QUIT $pid 2>/dev/null
wait $pid
if [ -n "$REMOVE" ] && [ "$word" != stay ]; then rm -rf "$FOLDER"; fi
"#;
const START_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running server. It is ended when this is dropped; its folder stays, unless it is temporary.
pub struct PostgresServer {
    folder: PathBuf,
    programs: PathBuf,
    settings: Vec<String>,
    /// Part of the socket's name; only a server that listens has it as a real port.
    port: u16,
    is_temporary: bool,
    /// What begins the command, where it runs on another machine.
    entering: Vec<String>,
    guard: Option<Child>,
}

impl PostgresServer {
    /// Makes a server in this folder, with settings such as `shared_buffers=1GB`, and starts it; a folder that has one is
    /// taken as it is. Where PostgreSQL is not installed, says on stderr that `what` is not tested.
    ///
    /// # Panics
    /// If it cannot be made or does not start; so do the others.
    pub fn start(folder: &Path, settings: &[&str], what: &str) -> Option<Self> {
        let mut server = Self::at(folder, settings, programs_or_skip(what)?);
        server.make();
        Some(server)
    }

    /// The same in a folder of its own, which goes when this is dropped or when the program ends.
    pub fn start_temporary(settings: &[&str], what: &str) -> Option<Self> {
        let mut server = Self::at(&temporary_folder(), settings, programs_or_skip(what)?);
        server.is_temporary = true;
        server.make();
        Some(server)
    }

    /// A temporary server of the same settings, which has no data yet and does not run.
    pub fn beside(&self) -> Self {
        let folder = temporary_folder();
        give_to_server(&folder);
        let mut server = Self::at(&folder, &[], self.programs.clone());
        server.settings.clone_from(&self.settings);
        server.is_temporary = true;
        server
    }

    fn at(folder: &Path, settings: &[&str], programs: PathBuf) -> Self {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Self {
            folder: folder.to_owned(),
            programs,
            settings,
            port: 5432,
            is_temporary: false,
            entering: Vec::new(),
            guard: None,
        }
    }

    /// Makes its data where there are none, and starts it.
    fn make(&mut self) {
        fs::create_dir_all(&self.folder).expect("a folder for the server");
        give_to_server(&self.folder);
        if !self.data().exists() {
            let mut initdb = self.command("initdb");
            initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]);
            said(&initdb.arg(self.data()).output().expect("initdb runs"));
        }
        self.run();
    }

    /// Further settings, from the next start on.
    pub fn set(&mut self, settings: &[&str]) {
        self.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
    }

    /// Gives it a loopback port, from the next start on.
    pub fn listen(&mut self) {
        self.port = free_address().port();
        self.set(&["listen_addresses=127.0.0.1"]);
    }

    /// Gives it the address of another machine and a port there, from the next start on. Its socket stays in its folder.
    pub fn listen_at(&mut self, machine: &FarMachine) {
        self.entering = machine.entering();
        self.port = free_address().port();
        self.set(&[&format!("listen_addresses={}", machine.address())]);
        let mut rules = fs::OpenOptions::new().append(true).open(self.data().join("pg_hba.conf")).expect("its rules");
        rules.write_all(b"host all all 198.18.0.0/15 trust\n").expect("a rule is added");
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
        // What stands in the log is of this start.
        let _ = fs::remove_file(self.folder.join("log"));
        let postgres = self.command("postgres");
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).args(&self.entering);
        guard.arg(postgres.get_program()).args(postgres.get_args());
        guard.arg("-D").arg(self.data()).arg("-k").arg(&self.folder).args(["-c", "listen_addresses="]);
        guard.arg("-c").arg(format!("port={}", self.port));
        guard.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        guard.env("FOLDER", &self.folder).env("REMOVE", if self.is_temporary { "yes" } else { "" });
        guard.current_dir("/").stdin(Stdio::piped());
        self.guard = Some(guard.spawn().expect("the server starts"));
        while Instant::now() < until {
            let mut ask = self.command("pg_isready");
            ask.arg("-q").arg("-h").arg(&self.folder).arg("-p").arg(self.port.to_string());
            if ask.status().is_ok_and(|it| it.success()) {
                return true;
            }
            if !self.is_running() && !self.waits() {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        self.stop();
        false
    }

    /// Whether there is the process that the data's own file names. A killed server leaves that file behind.
    fn is_running(&self) -> bool {
        self.process().is_some_and(|process| Path::new("/proc").join(process.to_string()).exists())
    }

    /// Whether the server is still on its way: its log does not end with a fatal error.
    fn waits(&self) -> bool {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        !log.lines().rev().take(3).any(|line| line.contains("FATAL"))
    }

    /// Kills the server's first process with SIGKILL; the others end when they notice.
    pub fn crash(&mut self) {
        let process = self.process().and_then(Pid::from_raw);
        kill_process(process.expect("the server runs"), Signal::KILL).expect("the server is killed");
        self.stop();
    }

    /// Stops the server at once, as a crash would, and returns when it is gone.
    pub fn stop(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            let mut pipe = guard.stdin.take().expect("the guard has a pipe");
            // It may have ended, which is fine as well.
            let _ = pipe.write_all(b"stay\n");
            drop(pipe);
            let _ = guard.wait();
        }
    }

    /// The id of its first process, as its data say; `None` where it was never started or has ended well.
    pub fn process(&self) -> Option<i32> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    /// The URL of a database, such as `postgres`.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.to_str().expect("a path in Unicode").replace('/', "%2F");
        format!("postgres://postgres:the-secret@{folder}:{}/{database}", self.port)
    }

    /// The rows that a query gives, each as texts.
    pub fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let mut psql = self.command("psql");
        psql.args(["-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-c", sql, "-h"]).arg(&self.folder);
        psql.arg("-p").arg(self.port.to_string());
        let text = said(&psql.output().expect("psql runs"));
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Its port, once it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its data, its socket and its log are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where its data are.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of PostgreSQL's, of the same version.
    pub fn command(&self, program: &str) -> Command {
        as_postgres(&self.programs.join(program))
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
        if self.is_temporary {
            // Where it cannot be removed, the system's own cleaning is left.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn temporary_folder() -> PathBuf {
    tempfile::Builder::new().prefix("glasshouse-pg").tempdir().expect("a folder for the server").keep()
}

/// What a program printed; it must have succeeded.
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
