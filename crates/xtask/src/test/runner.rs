//! Several test programs at once. Most of the tests of the whole system wait: for a service, a disk, an interval.
//!
//! Rule of thumb: a test owns its ports and folders, so it may run beside any other; one that measures time needs the
//! machine for itself.

use std::collections::VecDeque;
use std::os::unix::process::CommandExt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::stream::{OUTPUT_PATIENCE, follow};
use super::test_program::TestProgram;
use super::transcript::Transcript;
use terminal::{StopRequest, say};

/// Programs that measure what other load on the machine would change: latency, throughput, the time of a start, the part of
/// their answers that clients keep.
const ALONE: [&str; 4] = ["system-tests overload", "system-tests outage", "system-tests startup", "system-tests storm"];
/// The longest, which start first, so that none of them is left at the end; from a run on two cores.
const LONGEST: [&str; 9] = [
    "system-tests kill",
    "system-tests rules",
    "system-tests compose",
    "system-tests commands",
    "system-tests drift",
    "system-tests delivery",
    "system-tests clients",
    "system-tests dashboards",
    "system-tests spool",
];
/// More than there are cores, for most programs wait.
const MORE_THAN_CORES: usize = 1;
/// How long nothing ends before it is said what still runs.
const SILENCE: Duration = Duration::from_secs(30);

/// A test program that has ended.
pub(super) struct EndedProgram {
    pub(super) program: TestProgram,
    pub(super) took: Duration,
    pub(super) transcript: Transcript,
    /// Why it counts as failed.
    pub(super) problem: Option<String>,
}

/// Runs all of the programs, at length where asked to, and hands each on when it has ended.
///
/// # Errors
/// Where a person asked to stop; what still ran has been ended then.
pub(super) fn run(
    mut programs: Vec<TestProgram>,
    at_length: bool,
    stop: &StopRequest,
    mut each: impl FnMut(EndedProgram),
) -> Result<()> {
    if at_length {
        programs.iter_mut().for_each(TestProgram::run_at_length);
    }
    let place = |program: &TestProgram| LONGEST.iter().position(|name| *name == program.to_string());
    let (alone, mut beside): (Vec<_>, Vec<_>) =
        programs.into_iter().partition(|program| ALONE.contains(&program.to_string().as_str()));
    beside.sort_by_key(|program| place(program).unwrap_or(LONGEST.len()));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    run_at_once(beside, cores + MORE_THAN_CORES, stop, &mut each)?;
    run_at_once(alone, 1, stop, &mut each)
}

/// Runs the programs in their order, so many at once.
fn run_at_once(
    programs: Vec<TestProgram>,
    at_once: usize,
    stop: &StopRequest,
    each: &mut impl FnMut(EndedProgram),
) -> Result<()> {
    let queue = Mutex::new(VecDeque::from(programs));
    let running = RunningPrograms::default();
    thread::scope(|scope| {
        let (sender, ended) = channel();
        for _ in 0..at_once {
            let sender = sender.clone();
            scope.spawn(|| work(&queue, &running, stop, sender));
        }
        drop(sender);
        loop {
            match ended.recv_timeout(SILENCE) {
                Ok(program) => each(program),
                Err(RecvTimeoutError::Timeout) => say(running.to_line()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
    ensure!(!stop.is_waiting(), "stopped on request");
    Ok(())
}

/// Takes one program after another and runs it.
fn work(
    queue: &Mutex<VecDeque<TestProgram>>,
    running: &RunningPrograms,
    stop: &StopRequest,
    ended: Sender<EndedProgram>,
) {
    while !stop.is_waiting() {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(program) = next else { return };
        running.add(&program);
        let (started, mut transcript) = (Instant::now(), Transcript::begin());
        // A group of its own, so that whatever it has started ends with it on request.
        let outcome =
            follow(program.command().process_group(0), OUTPUT_PATIENCE, Some(stop), |line| transcript.take(line));
        let problem = match outcome {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("it ended with {status}")),
            Err(error) => Some(format!("{error:#}")),
        };
        running.remove(&program);
        if ended.send(EndedProgram { program, took: started.elapsed(), transcript, problem }).is_err() {
            return;
        }
    }
}

/// What runs at the moment, and since when.
#[derive(Default)]
struct RunningPrograms {
    since: Mutex<Vec<(String, Instant)>>,
}

impl RunningPrograms {
    fn add(&self, program: &TestProgram) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).push((program.to_string(), Instant::now()));
    }

    fn remove(&self, program: &TestProgram) {
        let name = program.to_string();
        self.since.lock().unwrap_or_else(PoisonError::into_inner).retain(|(running, _)| *running != name);
    }

    fn to_line(&self) -> String {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let programs: Vec<String> =
            since.iter().map(|(name, since)| format!("{name} ({} s)", since.elapsed().as_secs())).collect();
        format!(".. still running: {}", programs.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn script(folder: &Path, name: &str, text: &str) -> TestProgram {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        TestProgram::of_script(name, &path)
    }

    #[test]
    fn programs_run_at_once_each_is_told_whole_and_a_failure_stays_one() {
        let folder = tempfile::TempDir::new().unwrap();
        // Either ends only if the other runs meanwhile.
        let wait_for = |mine: &str, other: &str| {
            format!(
                "touch {mine}; until [ -e {other} ]; do sleep 0.01; done; echo 'test result: ok. 1 passed; 0 failed; 0 ignored'"
            )
        };
        let programs = vec![
            script(folder.path(), "a", &wait_for("first", "second")),
            script(folder.path(), "b", &format!("{}; exit 3", wait_for("second", "first"))),
        ];
        let mut ended = Vec::new();
        run_at_once(programs, 2, &StopRequest::default(), &mut |program| ended.push(program)).unwrap();
        ended.sort_by_key(|ended| ended.program.to_string());
        assert_eq!(ended[0].problem, None);
        assert!(ended[1].problem.as_ref().unwrap().contains('3'));
        assert!(ended.iter().all(|ended| ended.transcript.counts.passed == 1));
    }

    #[test]
    fn a_request_to_stop_ends_what_runs_and_starts_nothing_more() {
        let folder = tempfile::TempDir::new().unwrap();
        let long = script(folder.path(), "long", "echo begun; sleep 1000 & sleep 1000");
        let never = script(folder.path(), "never", "touch never-started");
        let stop = StopRequest::default();
        let mut ended = 0;
        let asked = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(200));
                stop.ask();
            });
            run_at_once(vec![long, never], 1, &stop, &mut |_| ended += 1)
        });
        assert!(asked.unwrap_err().to_string().contains("stopped on request"));
        assert_eq!(ended, 1);
        assert!(!folder.path().join("never-started").exists());
    }
}
