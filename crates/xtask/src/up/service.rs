//! One service, or a tool that watches the services, as a child process.
//!
//! Rule of thumb: a child leads a process group of its own. The terminal's Ctrl-C reaches `up` alone, which
//! then decides when each service ends.

use std::env;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::http;
use crate::workspace;
use terminal::{StopRequest, warn};

/// Between two looks at a child or a signal.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A health check that takes longer counts as not ready.
const HEALTH_CHECK_PATIENCE: Duration = Duration::from_secs(2);
/// Lines that a tool wrote before it failed, as far as they are shown.
const SHOWN_LINES: usize = 5;

/// All that the start of a service needs to know.
#[derive(Clone, Debug)]
pub(super) struct ServicePlan {
    /// As in its package and its logs.
    pub(super) name: &'static str,
    /// The program to run, with the root of the repository as its working directory.
    pub(super) program: PathBuf,
    /// Where it listens; it is told so on its command line.
    pub(super) listen: SocketAddr,
    /// The option of `up` that changes `listen`.
    pub(super) listen_option: &'static str,
    /// Further places where it listens, each with the option of `up` that changes it; `arguments` tell it so.
    pub(super) further: Vec<(SocketAddr, &'static str)>,
    /// Everything else on its command line.
    pub(super) arguments: Vec<String>,
    /// Whose program it is.
    pub(super) origin: Origin,
}

/// How a program is spoken to.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// One of our services: takes `--listen` and `--health-check`, and writes for people where we write.
    Ours,
    /// A tool of the Prometheus family: takes `--web.listen-address`.
    Tool {
        /// A GET of this path is answered with 200 once it is ready.
        ready_path: &'static str,
        /// All that it writes goes here.
        log: PathBuf,
    },
}

impl ServicePlan {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(workspace::root()).stdin(Stdio::null());
        match self.origin {
            Origin::Ours => command.arg("--listen").arg(self.listen.to_string()),
            Origin::Tool { .. } => command.arg(format!("--web.listen-address={}", self.listen)),
        };
        command
    }

    /// Every place where it listens, with the option that changes it.
    pub(super) fn places(&self) -> impl Iterator<Item = (SocketAddr, &'static str)> {
        std::iter::once((self.listen, self.listen_option)).chain(self.further.iter().copied())
    }

    /// The URL under which this machine reaches the service, without a path.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.reached_at())
    }

    /// The address under which this machine reaches the service.
    pub(super) fn reached_at(&self) -> SocketAddr {
        let mut address = self.listen;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        address
    }
}

/// A running service. Dropping it kills it; [`Service::stop`] is the polite way.
pub(super) struct Service {
    plan: ServicePlan,
    child: Child,
}

impl Service {
    /// Starts the service. The output of our own goes where ours goes, as text for people unless `LOG_FORMAT` says
    /// otherwise.
    ///
    /// # Errors
    /// Where the program cannot be run, or its log cannot be written.
    pub(super) fn start(plan: &ServicePlan) -> Result<Self> {
        let mut command = plan.command();
        command.args(&plan.arguments).process_group(0);
        match &plan.origin {
            Origin::Ours if env::var_os("LOG_FORMAT").is_none() => _ = command.env("LOG_FORMAT", "pretty"),
            Origin::Ours => {}
            Origin::Tool { log, .. } => {
                let file = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
                command.stdout(file.try_clone()?).stderr(file);
            }
        }
        let child = command.spawn().with_context(|| format!("{} cannot be started", plan.program.display()))?;
        Ok(Self { plan: plan.clone(), child })
    }

    /// The service's name.
    pub(super) fn name(&self) -> &'static str {
        self.plan.name
    }

    /// Where its last lines are, or the lines themselves: they may say why it failed.
    pub(super) fn last_words(&self) -> String {
        let Origin::Tool { log, .. } = &self.plan.origin else {
            return "its last lines above may say why".into();
        };
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        format!("{} may say why; it ends with\n{}", log.display(), shown.join("\n"))
    }

    /// Whether the service answers ready; one of ours is asked through its own `--health-check`.
    ///
    /// # Errors
    /// Where the check cannot be run at all.
    pub(super) fn is_ready(&self) -> Result<bool> {
        match self.plan.origin {
            Origin::Ours => self.passes_health_check(),
            Origin::Tool { ready_path, .. } => Ok(http::answers_ok(self.plan.reached_at(), ready_path)),
        }
    }

    fn passes_health_check(&self) -> Result<bool> {
        let mut check = self
            .plan
            .command()
            .arg("--health-check")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("the health check of {} cannot be started", self.name()))?;
        let deadline = Instant::now() + HEALTH_CHECK_PATIENCE;
        if let Some(status) = wait_for_exit(&mut check, || Instant::now() >= deadline)? {
            return Ok(status.success());
        }
        check.kill()?;
        check.wait()?;
        Ok(false)
    }

    /// How the service ended, or `None` while it runs.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("the state of {} is unknown", self.plan.name))
    }

    /// Asks the service to end and waits for it; nothing to do where it has ended already. After `patience`, or
    /// at another request to stop, it is killed.
    ///
    /// # Errors
    /// Where the service had to be killed, or failed on its way out.
    pub(super) fn stop(&mut self, stop: &StopRequest, patience: Duration) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        // Not yet waited for, so the id still is this child's, even if it ends at this very moment.
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .with_context(|| format!("{} cannot be asked to end", self.plan.name))?;
        let deadline = Instant::now() + patience;
        let mut hurry = false;
        let ended = wait_for_exit(&mut self.child, || {
            hurry |= stop.take();
            hurry || Instant::now() >= deadline
        })?;
        match ended {
            // A service that is asked before it listens for the signal ends by it, which is just as well.
            Some(status) if status.success() || status.signal() == Some(Signal::TERM.as_raw()) => Ok(()),
            Some(status) => bail!("{} was asked to end and failed on its way out ({status})", self.plan.name),
            None => {
                self.kill();
                let why = if hurry { "on a second request".into() } else { format!("after {patience:.0?} of waiting") };
                bail!("{} did not end by itself and was killed {why}; accepted requests may be lost", self.plan.name)
            }
        }
    }

    fn kill(&mut self) {
        if let Err(error) = kill_process_group(Pid::from_child(&self.child), Signal::KILL) {
            warn(format_args!("{} cannot be killed: {error}", self.plan.name));
        } else if let Err(error) = self.child.wait() {
            warn(format_args!("the end of {} was not seen: {error}", self.plan.name));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

/// Waits until the child has ended, or until `give_up` says so, which gives `None`.
fn wait_for_exit(child: &mut Child, mut give_up: impl FnMut() -> bool) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait().context("a child process cannot be waited for")? {
            return Ok(Some(status));
        }
        if give_up() {
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}
