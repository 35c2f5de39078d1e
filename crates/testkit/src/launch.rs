//! How a service is to be started.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::cgroup::Cgroup;
use crate::programs::program;
use crate::service::{Service, StandardOutput};
use crate::{free_address, model_folder};

/// How often a service is started again because another process took its port before it.
const ATTEMPTS: usize = 5;

/// A service to be started, any number of times, with no environment but the one given here.
#[derive(Clone, Debug)]
pub struct Launch {
    program: &'static str,
    listen: Option<SocketAddr>,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, &'static str)>,
    models: Option<OsString>,
    stdout_is_read: bool,
    /// Takes the id of the process, which is then in a control group.
    group: Option<PathBuf>,
}

impl Launch {
    /// The inference service with the shipped models, which logs nowhere until told, and with the engine that is the same
    /// on every machine. For gRPC it has a port that the system chooses and its log names.
    pub fn inference() -> Self {
        let launch = Self::new("inference-service").flag("--grpc-listen=", "127.0.0.1:0").flag("--engine=", "tract");
        Self { models: Some(model_folder().into()), ..launch }.flag("--log-url=", "")
    }

    /// The inference service with the shipped models, which logs to the logging service at this address. Its spool is
    /// in the scratch folder of each process, unless a flag says otherwise.
    pub fn inference_logging_to(logging: SocketAddr) -> Self {
        Self::inference().flag("--log-url=", format!("http://{logging}"))
    }

    /// The logging service with its database in this file.
    pub fn logging(database: &Path) -> Self {
        Self::new("logging-service").flag("--database=", database_url(database))
    }

    fn new(program: &'static str) -> Self {
        Self {
            program,
            listen: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            models: None,
            stdout_is_read: true,
            group: None,
        }
    }

    /// Adds a flag, such as `--threads=` with `1`, in place of an earlier one of the same name.
    #[must_use]
    pub fn flag(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.arguments.retain(|argument| !argument.as_encoded_bytes().starts_with(name.as_bytes()));
        let mut argument = OsString::from(name);
        argument.push(value.into());
        self.arguments.push(argument);
        self
    }

    /// Serves models from another folder.
    #[must_use]
    pub fn models(self, folder: &Path) -> Self {
        Self { models: Some(folder.into()), ..self }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Listens on this address and no other.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        Self { listen: Some(address), ..self }
    }

    /// Makes stdout a pipe that nobody reads.
    #[must_use]
    pub fn unread_stdout(self) -> Self {
        Self { stdout_is_read: false, ..self }
    }

    /// Runs in this group, with the memory that it may have.
    #[must_use]
    pub fn within(self, group: &Cgroup) -> Self {
        Self { group: Some(group.processes()), ..self }
    }

    /// Starts the process, and does not wait for it.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn(&self) -> Service {
        let address = self.listen.unwrap_or_else(free_address);
        let folder = TempDir::new().expect("a scratch folder");
        let file = |name| File::create(folder.path().join(name)).expect("a file for the output");
        let stdout = if self.stdout_is_read { file("stdout").into() } else { Stdio::piped() };
        let mut child = self
            .command()
            .arg("--listen")
            .arg(address.to_string())
            .args(self.models.iter().flat_map(|models| ["--models".as_ref(), models.as_os_str()]))
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(file("stderr"))
            .spawn()
            .expect("the service starts");
        let output = match child.stdout.take() {
            Some(pipe) => StandardOutput::Unread(pipe),
            None => StandardOutput::File(folder.path().join("stdout")),
        };
        Service::new(address, child, folder, output)
    }

    /// The program; where it has a group, a shell enters that first and becomes the program.
    fn command(&self) -> Command {
        let program = program(self.program);
        let Some(group) = &self.group else { return Command::new(program) };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(group).arg(program);
        command
    }

    /// Starts the service, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready.
    pub async fn start(&self) -> Service {
        for _ in 0..ATTEMPTS {
            let mut service = self.spawn();
            if service.becomes_ready().await {
                return service;
            }
            let output = service.output();
            assert!(self.listen.is_none() && output.contains("cannot listen on"), "{} ended: {output}", self.program);
        }
        panic!("every port was lost to somebody else");
    }
}

/// What the logging service calls a database file.
pub(crate) fn database_url(file: &Path) -> OsString {
    let mut url = OsString::from("sqlite:");
    url.push(file);
    url
}
