//! Free ports, and programs that may be missing on this machine.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// Below the range from which the system takes the ports of outgoing connections. In that range, a client that
/// tries to reach a service which is away may by chance get the service's own port, and so reach itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A loopback address that nobody listens on at the moment.
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
        let sentence = format!("{name} is not installed (Debian package {package}), so {what} is not tested");
        assert!(env::var_os("CI").is_none(), "{sentence}");
        eprintln!("SKIPPED: {sentence}");
    }
    found
}

fn package(program: &str) -> &str {
    match program {
        "promtool" => "prometheus",
        "amtool" => "prometheus-alertmanager",
        "busybox" => "busybox-static",
        "strip" => "binutils",
        _ => program,
    }
}
