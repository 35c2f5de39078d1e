//! The ports of `up`: whether they are free, and which process holds one that is not.
//!
//! Rule of thumb: a person who reads the message knows what to do next, without another tool.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Result, anyhow, bail};

use super::service::ServicePlan;

/// Longest command line that is shown, in characters.
const SHOWN_COMMAND: usize = 80;
/// The state LISTEN in the kernel's socket tables.
const LISTENING: &str = "0A";

/// Port 0 would be a port of the system's choice, which `up` would not know.
pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => Err("a port from 1 to 65535 is needed".into()),
        Ok(address) => Ok(address),
        Err(_) => Err("an address and a port are needed, such as 127.0.0.1:8010".into()),
    }
}

/// Checks that no two services are meant to listen on one port.
///
/// # Errors
/// The first two that are.
pub(super) fn require_different(plans: &[ServicePlan]) -> Result<()> {
    let places: Vec<_> = plans.iter().flat_map(|plan| plan.places().map(|(listen, _)| (plan.name, listen))).collect();
    for (index, (name, listen)) in places.iter().enumerate() {
        if let Some((other, _)) = places[..index].iter().find(|(_, other)| in_the_way(*other, *listen)) {
            bail!("{other} and {name} were given port {}: choose two different ones", listen.port());
        }
    }
    Ok(())
}

/// Checks that each service can listen where it is meant to.
///
/// # Errors
/// One error that names each address that is not to be had, its service, its holder and the way out.
pub(super) fn require_free(plans: &[ServicePlan]) -> Result<()> {
    let problems: Vec<String> = plans
        .iter()
        .flat_map(|plan| plan.places().filter_map(|(listen, option)| problem(plan.name, listen, option)))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("\n"));
}

fn problem(name: &str, listen: SocketAddr, option: &str) -> Option<String> {
    let error = TcpListener::bind(listen).err()?;
    if error.kind() != io::ErrorKind::AddrInUse {
        return Some(format!("{name} cannot listen on {listen}: {error}. Choose another address: {option} …"));
    }
    let holder = holder(listen).unwrap_or_else(|| "another process".into());
    let other = SocketAddr::new(listen.ip(), listen.port().checked_add(10).unwrap_or(8010));
    Some(format!(
        "port {} is taken: {name} needs {listen}, and {holder} already listens there. \
         Stop that process, or choose another address: cargo xtask up {option} {other}",
        listen.port(),
    ))
}

/// The process that listens on `address`, such as `process 4242 (python3 -m http.server)`. `None` where the
/// system keeps no such table or does not let us read it.
fn holder(address: SocketAddr) -> Option<String> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_sockets(&table, address))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    for folder in fs::read_dir("/proc").ok()?.flatten() {
        // Other names, such as `self`, lead to the same processes again.
        let Some(id) = folder.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if holds_one_of(&folder.path(), &sockets) {
            return Some(format!("process {id} ({})", shown_command(&fs::read(folder.path().join("cmdline")).ok()?)));
        }
    }
    None
}

/// The inodes of the sockets in a kernel table whose listening address stands in the way of `wanted`.
fn listening_sockets(table: &str, wanted: SocketAddr) -> Vec<String> {
    let mut inodes = Vec::new();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(&LISTENING), Some(inode)) = (columns.get(1), columns.get(3), columns.get(9)) else {
            continue;
        };
        let Ok(taken) = parse_address(local) else { continue };
        if in_the_way(taken, wanted) {
            inodes.push((*inode).to_owned());
        }
    }
    inodes
}

fn in_the_way(taken: SocketAddr, wanted: SocketAddr) -> bool {
    let same_host = taken.ip() == wanted.ip() || taken.ip().is_unspecified() || wanted.ip().is_unspecified();
    same_host && taken.port() == wanted.port()
}

/// `0100007F:1F40` is 127.0.0.1:8000: words of 32 bits in the machine's byte order, then the port.
fn parse_address(text: &str) -> Result<SocketAddr> {
    let (host, port) = text.split_once(':').ok_or_else(|| anyhow!("no port"))?;
    let mut bytes = Vec::new();
    for word in host.as_bytes().chunks(8) {
        bytes.extend(u32::from_str_radix(std::str::from_utf8(word)?, 16)?.to_ne_bytes());
    }
    let host: IpAddr = match bytes.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes.as_slice())?).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice())?).into(),
    };
    Ok(SocketAddr::new(host, u16::from_str_radix(port, 16)?))
}

/// Processes of other people hold nothing that we can see.
fn holds_one_of(process: &Path, sockets: &[String]) -> bool {
    let Ok(open_files) = fs::read_dir(process.join("fd")) else { return false };
    open_files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
}

/// A command line as the kernel keeps it, with a zero byte after each argument, as one printable line.
fn shown_command(arguments: &[u8]) -> String {
    let line = String::from_utf8_lossy(arguments).replace(|character: char| character.is_control(), " ");
    let line = line.trim();
    match line.char_indices().nth(SHOWN_COMMAND) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::time::{Duration, Instant};

    use super::super::service::Origin;
    use super::*;

    fn plan(listen: SocketAddr) -> ServicePlan {
        ServicePlan {
            name: "inference-service",
            program: "unused".into(),
            listen,
            listen_option: "--inference-listen",
            further: Vec::new(),
            arguments: Vec::new(),
            origin: Origin::Ours,
        }
    }

    #[test]
    fn an_address_needs_an_ip_and_a_port_that_can_be_named() {
        for refused in ["", "8000", "localhost:8000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "[::1]"] {
            assert!(parse_listen(refused).is_err(), "{refused:?} was taken");
        }
        assert!(parse_listen("[::1]:8000").is_ok());
    }

    #[test]
    fn two_services_on_one_port_are_refused() {
        for (one, other) in
            [("127.0.0.1:8000", "127.0.0.1:8000"), ("0.0.0.0:8000", "127.0.0.1:8000"), ("127.0.0.1:8000", "[::]:8000")]
        {
            let plans = ["127.0.0.1:1", one, other].map(|address| plan(address.parse().unwrap()));
            assert!(require_different(&plans).is_err(), "{one} with {other}");
        }
        let plans = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.2:1"].map(|address| plan(address.parse().unwrap()));
        assert!(require_different(&plans).is_ok());
        let listen = |address: &str| address.parse().unwrap();
        let one = ServicePlan { further: vec![(listen("127.0.0.1:2"), "--further")], ..plan(listen("127.0.0.1:1")) };
        assert!(require_different(&[one, plan(listen("127.0.0.1:2"))]).is_err());
    }

    #[test]
    fn a_taken_port_names_port_service_process_and_way_out() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let message = require_free(&[plan(address)]).unwrap_err().to_string();
        let holder = format!("process {} (", std::process::id());
        for part in [
            &format!("port {} is taken", address.port()),
            "inference-service",
            &holder,
            "--inference-listen 127.0.0.1:",
        ] {
            assert!(message.contains(part), "{part:?} is missing in: {message}");
        }
        drop(held);
        // A process that another test starts may hold a copy until it runs its own program.
        let deadline = Instant::now() + Duration::from_secs(5);
        while require_free(&[plan(address)]).is_err() {
            assert!(Instant::now() < deadline, "a port that was given back is not free");
        }
    }

    #[test]
    fn all_taken_ports_are_named_at_once() {
        let held = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
        let plans = held.each_ref().map(|listener| plan(listener.local_addr().unwrap()));
        assert_eq!(require_free(&plans).unwrap_err().to_string().lines().count(), 2);
        let [one, other] = plans;
        let both = ServicePlan { further: vec![(other.listen, "--further")], ..one };
        let message = require_free(&[both]).unwrap_err().to_string();
        assert!(message.lines().count() == 2 && message.contains("--further 127.0.0.1:"), "{message}");
    }

    #[test]
    fn an_address_of_another_machine_is_told_from_a_taken_port() {
        let message = require_free(&[plan("192.0.2.1:8000".parse().unwrap())]).unwrap_err().to_string();
        assert!(message.contains("cannot listen on 192.0.2.1:8000") && !message.contains("taken"), "{message}");
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernel_table_is_read_and_nonsense_in_it_is_passed_over() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1 0 100 0 0 10 0
   2: 0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 33 1 0 100 0 0 10 0
   3: 0200007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 44 1 0 100 0 0 10 0
   4: 0100007F:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 55 1 0 100 0 0 10 0
   5: 00000000000000000000000001000000:1F40 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 66 1
   6: 0100é07F:1F40 00000000:0000 0A 0:0 00:0 0 0 0 77 1
   7: :1F40 x 0A 0:0 00:0 0 0 0 88
   8: 0100007F:1F40 x 0A";
        let sockets = |address: &str| listening_sockets(table, address.parse().unwrap());
        assert_eq!(sockets("127.0.0.1:8000"), ["11", "22"]);
        assert_eq!(sockets("0.0.0.0:8000"), ["11", "22", "44", "66"]);
        assert_eq!(sockets("[::1]:8000"), ["22", "66"]);
        assert!(sockets("127.0.0.1:80").is_empty());
    }

    #[test]
    fn a_command_line_stays_on_one_short_line() {
        assert_eq!(shown_command(b"python3\0-m\0http.server\0"), "python3 -m http.server");
        assert_eq!(shown_command(b"a\x1b[31m\nb\0"), "a [31m b");
        let long = shown_command("é".repeat(500).as_bytes());
        assert_eq!(long.chars().count(), SHOWN_COMMAND + 1);
    }
}
