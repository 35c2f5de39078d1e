//! Another machine, as far as the network knows.
//!
//! Rule of thumb: only root can make one, so without it such a test is skipped, and says so. It ends with the program that
//! made it, however that ends.

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use crate::disk::{run, skip};

/// The addresses for measurements of networks, which nobody else has: 198.18.0.0/15. Each machine takes four of them.
const ADDRESSES: u32 = 0xc612_0000;
const NETWORKS: u32 = 1 << 15;

/// A network namespace with one address, and a cable to this machine.
pub struct FarMachine {
    /// Ends when its pipe closes, and the namespace with it.
    holder: Child,
    address: Ipv4Addr,
}

impl FarMachine {
    /// Makes one; or says on stderr that `what` is not tested.
    pub fn new(what: &str) -> Option<Self> {
        let made = Self::hold().and_then(|mut machine| match machine.connect() {
            Ok(()) => Ok(machine),
            Err(problem) => Err(problem),
        });
        made.map_err(|problem| skip(what, &problem)).ok()
    }

    fn hold() -> Result<Self, String> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo here; read -r word"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut said = String::new();
        let output = holder.stdout.take().expect("it has an output");
        let _ = BufReader::new(output).read_line(&mut said);
        let machine = Self { holder, address: Ipv4Addr::UNSPECIFIED };
        if said == "here\n" { Ok(machine) } else { Err("unshare: no network namespace".to_owned()) }
    }

    fn connect(&mut self) -> Result<(), String> {
        let network = ADDRESSES + 4 * fastrand::u32(0..NETWORKS);
        let near = format!("{}/30", Ipv4Addr::from(network + 1));
        self.address = Ipv4Addr::from(network + 2);
        let (id, far) = (self.holder.id().to_string(), format!("{}/30", self.address));
        let cable = format!("near{id}");
        run("ip", &["link", "add", &cable, "type", "veth", "peer", "name", "far", "netns", &id])?;
        run("ip", &["address", "add", &near, "dev", &cable])?;
        run("ip", &["link", "set", &cable, "up"])?;
        self.run(&["ip", "address", "add", &far, "dev", "far"])?;
        self.run(&["ip", "link", "set", "far", "up"])?;
        self.run(&["iptables", "--list"])
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// What begins a command that runs there.
    pub fn entering(&self) -> Vec<String> {
        ["nsenter", "--target", &self.holder.id().to_string(), "--net", "--"].map(str::to_owned).to_vec()
    }

    /// Drops every packet from and to it, until the result is dropped: nobody is told.
    ///
    /// # Panics
    /// If that fails.
    pub fn cut(&self) -> CutCable<'_> {
        self.filter("--insert").expect("the packets are dropped");
        CutCable(self)
    }

    fn filter(&self, change: &str) -> Result<(), String> {
        ["INPUT", "OUTPUT"].iter().try_for_each(|chain| self.run(&["iptables", change, chain, "--jump", "DROP"]))
    }

    fn run(&self, command: &[&str]) -> Result<(), String> {
        let entering = self.entering();
        let words: Vec<&str> = entering.iter().map(String::as_str).chain(command.iter().copied()).collect();
        run(words[0], &words[1..])
    }
}

impl Drop for FarMachine {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A cable that leads nowhere until this is dropped.
pub struct CutCable<'a>(&'a FarMachine);

impl Drop for CutCable<'_> {
    fn drop(&mut self) {
        if let Err(problem) = self.0.filter("--delete") {
            eprintln!("{problem}");
        }
    }
}
