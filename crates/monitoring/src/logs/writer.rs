//! The queue of lines that wait for stdout, and the thread that writes them.
//!
//! Rule of thumb: logging costs its caller a copy into memory, and wakes no thread while lines keep coming: the thread takes
//! all lines that have gathered and writes them at once. Lines beyond the bound are dropped and counted.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that may wait; about 4 MB at the usual length.
const MAX_WAITING_LINES: usize = 8192;
/// How long lines gather after a write.
const GATHERING: Duration = Duration::from_millis(5);

/// The queue of lines. Clones share it.
#[derive(Clone, Default)]
pub(super) struct LineQueue(Arc<SharedLines>);

#[derive(Default)]
struct SharedLines {
    waiting: Mutex<WaitingLines>,
    /// Wakes the thread at the first line, and at the end.
    arrived: Condvar,
    ended: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct WaitingLines {
    text: String,
    lines: usize,
    /// Whether the thread waits for a line.
    idle: bool,
    stop: bool,
    ended: bool,
}

impl LineQueue {
    /// Starts the thread that writes them.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self::default();
        let queue = lines.clone();
        thread::Builder::new().name("log-writer".to_owned()).spawn(move || queue.write_all_to(output))?;
        Ok(lines)
    }

    /// Adds a line, which has its end already, or drops it.
    pub(super) fn push(&self, line: &str) {
        let mut waiting = self.waiting();
        if waiting.lines >= MAX_WAITING_LINES {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.text.push_str(line);
        waiting.lines += 1;
        if mem::take(&mut waiting.idle) {
            drop(waiting);
            self.0.arrived.notify_one();
        }
    }

    /// How many lines were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Ends the thread when all is written, and waits for that, but no longer than `patience`.
    pub(super) fn finish(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut waiting = self.waiting();
        waiting.stop = true;
        self.0.arrived.notify_one();
        while !waiting.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.0.ended.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, WaitingLines> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all_to(&self, mut output: impl Write) {
        let mut text = String::new();
        while let Some(lines) = self.take(&mut text) {
            if output.write_all(text.as_bytes()).and_then(|()| output.flush()).is_err() {
                // The reader has left; some of the lines may have been written before.
                self.0.dropped.fetch_add(lines as u64, Ordering::Relaxed);
            }
            text.clear();
            self.gather();
        }
        self.waiting().ended = true;
        self.0.ended.notify_all();
    }

    /// Waits for lines, and moves all of them into the empty `text`; returns their number, `None` at the end.
    fn take(&self, text: &mut String) -> Option<usize> {
        let mut waiting = self.waiting();
        while waiting.lines == 0 && !waiting.stop {
            waiting.idle = true;
            waiting = self.0.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.idle = false;
        mem::swap(&mut waiting.text, text);
        let lines = mem::take(&mut waiting.lines);
        (lines > 0).then_some(lines)
    }

    /// Lets lines gather, since more lines soon follow one, unless the end has come.
    fn gather(&self) {
        let waiting = self.waiting();
        if !waiting.stop {
            drop(self.0.arrived.wait_timeout(waiting, GATHERING));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Writes go to `written`, each after a permission.
    struct Gate {
        open: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.open.recv().map_err(io::Error::other)?;
            self.written.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (LineQueue, Sender<()>, Receiver<Vec<u8>>) {
        let ((permit, open), (written, output)) = (channel(), channel());
        (LineQueue::start(Gate { open, written }).unwrap(), permit, output)
    }

    #[test]
    fn every_line_is_written_in_order_and_the_end_waits_for_the_last() {
        let (lines, permit, output) = gated();
        (0..1000).for_each(|_| permit.send(()).unwrap());
        let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
        expected.split_inclusive('\n').for_each(|line| lines.push(line));
        lines.finish(PATIENCE);
        assert_eq!(output.try_iter().flatten().collect::<Vec<_>>(), expected.as_bytes());
        assert_eq!(lines.dropped(), 0);
    }

    #[test]
    fn a_blocked_output_blocks_no_caller_and_lines_beyond_the_bound_are_counted() {
        let (lines, permit, output) = gated();
        (0..3 * MAX_WAITING_LINES).for_each(|_| lines.push("line\n"));
        // What waits, and what the thread may have taken before the queue was full.
        let dropped = lines.dropped();
        assert!(dropped >= MAX_WAITING_LINES as u64, "{dropped} were dropped");
        let began = Instant::now();
        lines.finish(Duration::from_millis(50));
        assert!(began.elapsed() < PATIENCE, "the end waited for an output that takes nothing");
        // The thread may have written all there was before the last permission.
        (0..100).for_each(|_| _ = permit.send(()));
        lines.finish(PATIENCE);
        let written = output.try_iter().flatten().count() / "line\n".len();
        assert_eq!(written as u64 + dropped, 3 * MAX_WAITING_LINES as u64);
    }

    #[test]
    fn lines_for_an_output_that_is_gone_are_counted_as_dropped() {
        let (lines, permit, output) = gated();
        drop((permit, output));
        lines.push("nobody reads this\n");
        lines.finish(PATIENCE);
        assert_eq!(lines.dropped(), 1);
    }
}
