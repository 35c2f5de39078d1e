//! How much other processes on this machine used the cores meanwhile.
//!
//! Rule of thumb: a busy machine does not slow all processes down alike. One with more ready threads gets more of what is
//! left, so even ratios are wrong then: a server may seem faster than the engine in it.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use terminal::StopRequest;

/// The part of the cores that others may take in a turn.
pub(super) const MOST_DISTURBED: f64 = 0.05;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnExtent {
    /// Turns that count; one before them warms up.
    pub(super) rounds: u32,
    /// How long one is.
    pub(super) duration: Duration,
    /// Connections that send.
    pub(super) connections: usize,
}

/// Measures in turns, and repeats disturbed turns as long as there is time.
pub(super) struct MeasuredTurns {
    stop: StopRequest,
    spare: Duration,
    repeated: usize,
    worst: f64,
}

impl MeasuredTurns {
    /// With this much time for turns that are taken again.
    ///
    /// # Errors
    /// Where the system refuses a signal handler.
    pub(super) fn new(spare: Duration) -> Result<Self> {
        // Peers have process groups of their own, which a Ctrl-C does not reach: they end when the command does.
        Ok(Self { stop: StopRequest::listen()?, spare, repeated: 0, worst: 0.0 })
    }

    /// Takes a turn that warms up, and counts for nothing.
    ///
    /// # Errors
    /// Its own, and where someone has asked to stop.
    pub(super) fn warm_up<T>(&self, turn: impl FnOnce() -> Result<T>) -> Result<T> {
        ensure!(!self.stop.is_waiting(), "the measurement was stopped");
        turn()
    }

    /// Takes a turn until it was undisturbed or no time is left; what counts is the last one, whatever came of it.
    ///
    /// # Errors
    /// As [`MeasuredTurns::warm_up`].
    pub(super) fn take<T>(&mut self, mut turn: impl FnMut() -> Result<T>) -> Result<T> {
        loop {
            let (before, began) = (ProcessorTicks::now()?, Instant::now());
            let outcome = self.warm_up(&mut turn)?;
            let disturbed = ProcessorTicks::now()?.taken_since(before);
            if disturbed <= MOST_DISTURBED || began.elapsed() > self.spare {
                self.worst = self.worst.max(disturbed);
                return Ok(outcome);
            }
            self.spare -= began.elapsed().min(self.spare);
            self.repeated += 1;
        }
    }

    /// The part of the cores that others took in the worst turn that counts.
    pub(super) fn worst(&self) -> f64 {
        self.worst
    }

    /// How many were taken again.
    pub(super) fn repeated(&self) -> usize {
        self.repeated
    }
}

/// Processor time so far, in the ticks of the system.
#[derive(Clone, Copy, Debug)]
struct ProcessorTicks {
    all: f64,
    others: f64,
}

impl ProcessorTicks {
    fn now() -> Result<Self> {
        let ours = of_our_processes()?;
        let machine = Self::of_machine(&fs::read_to_string("/proc/stat")?).context("/proc/stat has no times")?;
        Ok(Self { others: machine.others - ours, ..machine })
    }

    /// All time, and what of it was worked: by programs, by the kernel, and, stolen, by other machines.
    fn of_machine(stat: &str) -> Option<Self> {
        let times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let times: Vec<f64> = times.map(|ticks| ticks.parse().ok()).collect::<Option<_>>()?;
        let &[user, nice, system, idle, waiting, interrupts, soft, stolen] = &times[..] else { return None };
        let busy = user + nice + system + interrupts + soft + stolen;
        Some(Self { all: busy + idle + waiting, others: busy })
    }

    /// The part of all cores that others used since `before`. A process of ours must not have ended meanwhile.
    fn taken_since(self, before: Self) -> f64 {
        ((self.others - before.others) / (self.all - before.all)).max(0.0)
    }
}

/// Of this program, and of all that it has started.
fn of_our_processes() -> Result<f64> {
    let mut processes = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end between the two.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        processes.extend(parent_and_ticks(&stat).map(|found| (id, found)));
    }
    Ok(sum_below(std::process::id(), &processes))
}

fn parent_and_ticks(stat: &str) -> Option<(u32, f64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((fields.get(1)?.parse().ok()?, ticks(11)? + ticks(12)?))
}

fn sum_below(root: u32, processes: &HashMap<u32, (u32, f64)>) -> f64 {
    let is_below = |mut id: u32| {
        // A tree that changes while it is read might have a circle.
        for _ in 0..processes.len() {
            if id == root {
                return true;
            }
            let Some((parent, _)) = processes.get(&id) else { return false };
            id = *parent;
        }
        false
    };
    processes.iter().filter(|(id, _)| is_below(**id)).map(|(_, (_, ticks))| ticks).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tree_is_ours() {
        let processes = HashMap::from([(1, (0, 9.0)), (2, (1, 1.0)), (3, (2, 2.0)), (4, (3, 4.0)), (5, (1, 8.0))]);
        assert_eq!(sum_below(2, &processes), 7.0);
    }

    #[test]
    fn times_are_read_as_the_kernel_writes_them() {
        let machine =
            ProcessorTicks::of_machine("cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1").map(|ticks| [ticks.all, ticks.others]);
        assert_eq!(machine, Some([36.0, 27.0]));
        assert!(ProcessorTicks::of_machine("cpu  1 2").is_none());
        assert_eq!(parent_and_ticks("7 (a) b) S 3 0 0 0 0 0 0 0 0 0 40 2 0"), Some((3, 42.0)));
    }

    #[test]
    fn what_others_took_is_a_part_of_the_cores() {
        let before = ProcessorTicks { all: 100.0, others: 10.0 };
        assert_eq!(ProcessorTicks { all: 300.0, others: 60.0 }.taken_since(before), 0.25);
    }
}
