//! The output of a command, line by line while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use terminal::StopRequest;

/// Lines on their way to the reader. Where it is slower, the command waits.
const LINES_IN_FLIGHT: usize = 1024;
/// Between two looks at whether a silent command has ended, or is to.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the output of a command may stay open once it has ended: a database server takes a while to stop.
pub(super) const OUTPUT_PATIENCE: Duration = Duration::from_secs(60);

/// One line, without its end. Bytes that are not UTF-8 are replaced.
#[derive(Debug)]
pub(super) enum Line {
    Out(String),
    Err(String),
}

/// Runs the command, hands on each line of both its streams, and says how it ended. On a request to stop, it ends the
/// command's process group, so a command that is followed with `stop` has to be the leader of one.
///
/// # Errors
/// Where the command cannot be started, or where its output is still open `patience` after its end: it left a
/// process behind.
pub(super) fn follow(
    command: &mut Command,
    patience: Duration,
    stop: Option<&StopRequest>,
    mut each: impl FnMut(Line),
) -> Result<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("it cannot be started")?;
    let (sender, lines) = sync_channel(LINES_IN_FLIGHT);
    if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
        send_lines(out, sender.clone(), Line::Out);
        send_lines(err, sender, Line::Err);
    }
    let mut ended: Option<Instant> = None;
    let mut is_told_to_end = false;
    loop {
        if !is_told_to_end && stop.is_some_and(StopRequest::is_waiting) {
            is_told_to_end = true;
            if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
                // A group that has ended by itself meanwhile needs no signal.
                let _ = kill_process_group(group, Signal::TERM);
            }
        }
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => each(line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if ended.is_none() {
            ended = child.try_wait()?.map(|_| Instant::now());
        }
        if ended.is_some_and(|since| since.elapsed() > patience) {
            bail!("it left a process behind that still holds its output open");
        }
    }
    Ok(child.wait()?)
}

/// Ends with the stream, or when nobody listens any more.
fn send_lines(stream: impl Read + Send + 'static, lines: SyncSender<Line>, wrap: fn(String) -> Line) {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        while stream.read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            if lines.send(wrap(line)).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_arrive_to_their_end_in_order() {
        let script = "echo a; printf 'b\\r\\n'; echo e >&2; printf '\\377\\nlast'; printf 'f' >&2";
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = follow(&mut shell(script), LONG, None, |line| match line {
            Line::Out(line) => out.push(line),
            Line::Err(line) => err.push(line),
        });
        assert!(status.unwrap().success());
        assert_eq!(out, ["a", "b", "\u{fffd}", "last"]);
        assert_eq!(err, ["e", "f"]);
    }

    #[test]
    fn a_failure_stays_a_failure_and_no_line_is_lost_however_many_there_are() {
        let mut count = 0;
        let many = "i=0; while [ $i -lt 5000 ]; do echo; i=$((i+1)); done; exit 3";
        let status = follow(&mut shell(many), LONG, None, |_| count += 1).unwrap();
        assert_eq!((status.code(), count), (Some(3), 5000));
    }

    #[test]
    fn a_process_left_behind_is_an_error_and_no_endless_wait() {
        let mut left_behind = String::new();
        let outcome = follow(&mut shell("sleep 1000 & echo $!"), Duration::from_millis(1), None, |line| {
            if let Line::Out(id) = line {
                left_behind = id;
            }
        });
        assert!(shell(&format!("kill {left_behind}")).status().unwrap().success());
        assert!(outcome.unwrap_err().to_string().contains("left a process behind"));
    }
}
