//! The programs beside Rust that the tests need.
//!
//! Rule of thumb: nothing is installed without being asked for. Where something is missing, we say what to type and go
//! on, and the tests that need it say that they skip. A build server (`CI=true`) installs, and never goes on.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::policy::NoServices;
use crate::installed::{find, search_path};
use crate::workspace;
use terminal::{StopRequest, say, warn};

/// A program, or a library that a program from elsewhere needs, and the Debian package that brings it.
struct Tool {
    program: &'static str,
    package: &'static str,
}

/// Whatever fetches and compiles the rest, and what that is. No command installs these: versions matter.
const TOOLCHAINS: [(&str, &str); 3] = [
    ("go", "Prometheus and amtool from their modules (Go 1.26 or later)"),
    ("python3", "programs and clients from PyPI (Python 3.11 or later, with venv)"),
    ("npm", "programs from the npm registry (Node.js 20 or later)"),
];
/// Compiles Prometheus and amtool, from Go modules.
const BUILD_SCRIPT: &str = "crates/system-tests/tools/build.sh";

const TOOLS: [Tool; 16] = [
    Tool { program: "promtool", package: "prometheus" },
    Tool { program: "prometheus-alertmanager", package: "prometheus-alertmanager" },
    Tool { program: "prometheus-node-exporter", package: "prometheus-node-exporter" },
    Tool { program: "yamllint", package: "yamllint" },
    Tool { program: "shellcheck", package: "shellcheck" },
    Tool { program: "docker-compose", package: "docker-compose" },
    Tool { program: "dockerd", package: "docker.io" },
    Tool { program: "iptables", package: "iptables" },
    Tool { program: "busybox", package: "busybox-static" },
    Tool { program: "haproxy", package: "haproxy" },
    Tool { program: "chromium", package: "chromium" },
    Tool { program: "strip", package: "binutils" },
    Tool { program: "initdb", package: "postgresql" },
    Tool { program: "pgbouncer", package: "pgbouncer" },
    Tool { program: "npm", package: "npm" },
    Tool { program: "libb64.so.0d", package: "libb64-0d" },
];

/// Makes the tools available, as far as this machine lets us: Debian's packages where we are told to install, and what
/// is compiled from Go modules.
///
/// # Errors
/// On a build server: where a tool is missing after all. Everywhere: where a person asked to stop meanwhile.
pub(super) fn provide(is_told_to_install: bool, stop: &StopRequest) -> Result<()> {
    provide_packages(is_told_to_install || on_build_server(), stop)?;
    for (program, purpose) in TOOLCHAINS {
        if find(program, &search_path()).is_none() {
            warn(format_args!("{program} is missing, for {purpose}. Tests that need it are skipped."));
        }
    }
    ensure!(!stop.is_waiting(), "stopped on request");
    compile_shipped_tools()
}

fn provide_packages(may_install: bool, stop: &StopRequest) -> Result<()> {
    let missing = missing(&search_path_and_more());
    if missing.is_empty() {
        say("Every Debian package is here.");
        return Ok(());
    }
    let programs: Vec<&str> = missing.iter().map(|tool| tool.program).collect();
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let by_hand = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let programs = programs.join(", ");
    say(format_args!("Missing: {programs}."));
    if !may_install {
        warn("Tests that need them are skipped. To have them installed, as root on Debian: cargo xtask test --install");
        warn(format_args!("By hand, which also starts the services of some packages: {by_hand}"));
        return Ok(());
    }
    match install(&packages, stop) {
        Ok(()) => Ok(()),
        Err(error) if on_build_server() => Err(error.context(format!("{programs} cannot be installed"))),
        Err(error) => {
            warn(format_args!("{programs} cannot be installed: {error:#}. Tests that need it will be skipped."));
            warn(format_args!("On Debian or Ubuntu, as root: {by_hand}"));
            Ok(())
        }
    }
}

/// Compiles the Prometheus and the amtool of the versions that are shipped, once for a machine.
fn compile_shipped_tools() -> Result<()> {
    let script = workspace::root().join(BUILD_SCRIPT);
    say(format_args!(
        "Prometheus, promtool and amtool as shipped: {BUILD_SCRIPT} (5 to 10 minutes once for a machine)"
    ));
    let status = Command::new(script).status().with_context(|| format!("{BUILD_SCRIPT} cannot be started"))?;
    if !status.success() && on_build_server() {
        bail!("{BUILD_SCRIPT} ended with {status}");
    }
    if !status.success() {
        warn("Tests that need them are skipped. They need Go 1.26 or later and the Go module proxy.");
    }
    Ok(())
}

fn install(packages: &[&str], stop: &StopRequest) -> Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "only root may install packages");
    ensure!(find("apt-get", &search_path()).is_some(), "this machine has no apt-get");
    say(format_args!("Installing the Debian packages: {}.", packages.join(", ")));
    // The package would start a server, for good, on a port that a person may use.
    let _no_services = NoServices::begin()?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    if let Err(error) = apt_get(&arguments) {
        if stop.is_waiting() {
            return Err(error);
        }
        say("The package lists may be missing or old; reading them again.");
        apt_get(&["update"])?;
        apt_get(&arguments)?;
    }
    let missing = missing(&search_path_and_more());
    ensure!(missing.is_empty(), "the packages are installed, but the programs are not in PATH");
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("apt-get cannot be started")?;
    if !status.success() {
        bail!("apt-get {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}

/// Debian puts PostgreSQL's programs beside the search path, a folder for each version; and there are the libraries.
fn search_path_and_more() -> OsString {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let servers = versions.map(|version| version.path().join("bin"));
    let libraries = PathBuf::from(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH));
    let path = search_path();
    env::join_paths(env::split_paths(&path).chain(servers).chain([libraries])).unwrap_or(path)
}

fn missing(path: &OsStr) -> Vec<&'static Tool> {
    TOOLS.iter().filter(|tool| find(tool.program, path).is_none()).collect()
}

fn on_build_server() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_tool_is_found_in_any_folder_of_the_path_and_nowhere_else() {
        let folders = [tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap()];
        let path = env::join_paths(folders.each_ref().map(tempfile::TempDir::path)).unwrap();
        std::fs::create_dir(folders[0].path().join("promtool")).unwrap();
        assert_eq!(missing(&path).len(), TOOLS.len(), "a folder of that name is no program");
        for tool in TOOLS {
            std::fs::write(folders[1].path().join(tool.program), "").unwrap();
        }
        assert!(missing(&path).is_empty());
        assert_eq!(missing(OsStr::new("")).len(), TOOLS.len());
    }
}
