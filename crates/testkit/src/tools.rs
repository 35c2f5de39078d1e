//! Free ports, and programs that may be missing on this machine.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::root;

/// Prints the folder of the programs that are compiled from Go modules.
const BUILD_SCRIPT: &str = "crates/system-tests/tools/build.sh";

/// Below the range from which the system takes the ports of outgoing connections. In that range, a client that
/// tries to reach a service which is away may by chance get the service's own port, and so reach itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A loopback address with a port that is free at the moment.
///
/// # Panics
/// If a thousand ports in a row are taken.
pub fn free_address() -> SocketAddr {
    (0..1000)
        .map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS))))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("a free port")
}

/// The path of an installed program, or `None`.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder: PathBuf| folder.join(name)).find(|file| Path::is_file(file))
}

/// The program, or a line on stderr that says what is skipped and why.
///
/// # Panics
/// If it is missing on a build server, where the environment variable CI is set: nothing is skipped there.
pub fn skip_without(name: &str, what: &str) -> Option<PathBuf> {
    let found = tool(name);
    if found.is_none() {
        let package = package(name);
        skip(&format!("{name} is not installed (Debian package {package}), so {what} is not tested"));
    }
    found
}

/// `prometheus`, `promtool` or `amtool` in the version that docker-compose.monitoring.yml pulls, or a line on stderr
/// that says what is skipped and why.
///
/// # Panics
/// If it cannot be compiled on a build server, where the environment variable CI is set: nothing is skipped there.
pub fn skip_without_shipped(name: &str, what: &str) -> Option<PathBuf> {
    match shipped_tools() {
        Ok(folder) => Some(folder.join(name)),
        Err(problem) => {
            skip(&format!("{name} cannot be compiled, so {what} is not tested: {problem}"));
            None
        }
    }
}

/// The folder of the programs of Prometheus and Alertmanager in the versions that docker-compose.monitoring.yml pulls.
/// They are compiled if this machine does not have them yet.
///
/// # Errors
/// Where they cannot be compiled.
pub fn shipped_tools() -> Result<&'static Path, &'static str> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOLDER.get_or_init(build_shipped_tools).as_deref().map_err(String::as_str)
}

fn build_shipped_tools() -> Result<PathBuf, String> {
    let output = Command::new(root().join(BUILD_SCRIPT)).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()))
    } else {
        Err(format!("{BUILD_SCRIPT}: {}", String::from_utf8_lossy(&output.stderr).trim_end()))
    }
}

/// Says on stderr what is skipped; on a build server, where CI is set, this is a failure.
///
/// # Panics
/// On a build server.
pub fn skip(sentence: &str) {
    assert!(env::var_os("CI").is_none(), "{sentence}");
    eprintln!("SKIPPED: {sentence}");
}

fn package(program: &str) -> &str {
    match program {
        "promtool" => "prometheus",
        "amtool" => "prometheus-alertmanager",
        "busybox" => "busybox-static",
        "strip" => "binutils",
        "go" => "golang-go",
        _ => program,
    }
}
