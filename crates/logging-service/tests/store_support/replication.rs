//! A server that hangs, dies, or takes over from another.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use rustix::process::{Pid, Signal, kill_process};

use super::server::Server;

/// Standbys that a primary has.
const STREAMING: &str = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";

impl Server {
    /// A standby of this server at a port of its own, which has replayed all there is when this returns.
    pub(crate) fn standby(&self) -> Self {
        let mut standby = Self(self.beside());
        let from = format!("host=127.0.0.1 port={} user=postgres application_name=standby", self.port());
        let made = standby
            .command("pg_basebackup")
            .args(["--no-sync", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "-d", &from, "-D"])
            .arg(standby.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        standby.listen();
        let before = self.number(STREAMING);
        standby.run();
        self.until("the standby streams", || self.number(STREAMING) > before);
        standby
    }

    /// Makes the standby a primary.
    pub(crate) fn promote(&self) {
        let mut client = Client::connect(&self.url("postgres"), NoTls).unwrap();
        let promoted: bool = client.query_one("SELECT pg_promote(true, 60)", &[]).unwrap().get(0);
        assert!(promoted);
    }

    /// Makes commits wait for one standby, whichever.
    pub(crate) fn wait_for_a_standby(&self) {
        self.change("synchronous_standby_names = 'ANY 1 (*)'");
    }

    /// Makes this standby one of another primary, and returns when it streams from there.
    pub(crate) fn follow(&self, primary: &Self) {
        let before = primary.number(STREAMING);
        let from = format!("host=127.0.0.1 port={} user=postgres application_name=standby", primary.port());
        self.change(&format!("primary_conninfo = '{from}'"));
        primary.until("the standby follows", || primary.number(STREAMING) > before);
    }

    /// Of two standbys whose primary is gone, the one that has received more, and then the other.
    pub(crate) fn by_advance(first: Self, second: Self) -> (Self, Self) {
        let received = |standby: &Self| {
            standby.until("it has lost its primary", || {
                standby.number("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'") == 0
            });
            standby.number("SELECT CAST(pg_last_wal_receive_lsn() - '0/0' AS BIGINT)")
        };
        if received(&first) >= received(&second) { (first, second) } else { (second, first) }
    }

    fn change(&self, setting: &str) {
        let mut client = Client::connect(&self.url("postgres"), NoTls).unwrap();
        client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
    }

    /// A whole number that the server answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        Client::connect(&self.url("postgres"), NoTls).unwrap().query_one(sql, &[]).unwrap().get(0)
    }

    /// Stops all of the server's processes, as a frozen machine would: its kernel goes on to take connections.
    pub(crate) fn freeze(&self) -> FrozenServer {
        let first = self.process().unwrap();
        // The first one alone makes new ones, so it is stopped before the others are looked for.
        signal(first, Signal::STOP);
        let mut processes = vec![first];
        processes.extend(children_of(first));
        processes.iter().for_each(|process| signal(*process, Signal::STOP));
        FrozenServer(processes)
    }

    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < Duration::from_secs(60), "{what}: it never happened");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A server that does nothing until this is dropped.
pub(crate) struct FrozenServer(Vec<i32>);

impl Drop for FrozenServer {
    fn drop(&mut self) {
        self.0.iter().rev().for_each(|process| signal(*process, Signal::CONT));
    }
}

fn children_of(parent: i32) -> Vec<i32> {
    let list = Path::new("/proc").join(parent.to_string()).join("task").join(parent.to_string()).join("children");
    fs::read_to_string(list).unwrap().split_whitespace().filter_map(|process| process.parse().ok()).collect()
}

fn signal(process: i32, signal: Signal) {
    // A process that has ended meanwhile needs no signal.
    let _ = kill_process(Pid::from_raw(process).unwrap(), signal);
}
