//! What a test program said: its lines, how many tests passed, and how long each took.

use std::time::{Duration, Instant};

use super::stream::Line;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct TestCounts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
}

impl TestCounts {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(super) fn from_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |what: &str| {
            let words = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
            words.trim().parse().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, ignored: count("ignored")? })
    }
}

/// A test and the time from its start to its end.
#[derive(Clone, Debug)]
pub(super) struct TimedTest {
    pub(super) name: String,
    pub(super) took: Duration,
}

/// The output of a test program that runs its tests one after another.
pub(super) struct Transcript {
    pub(super) lines: Vec<Line>,
    pub(super) counts: TestCounts,
    pub(super) tests: Vec<TimedTest>,
    /// When the test that runs now has started: when the one before ended.
    since: Instant,
}

impl Transcript {
    pub(super) fn begin() -> Self {
        Self { lines: Vec::new(), counts: TestCounts::default(), tests: Vec::new(), since: Instant::now() }
    }

    /// Takes a line at the moment at which it was written.
    pub(super) fn take(&mut self, line: Line) {
        if let Line::Out(text) = &line {
            if let Some(counts) = TestCounts::from_line(text) {
                self.counts.add(counts);
            } else if text.starts_with("running ") {
                self.since = Instant::now();
            } else if let Some((name, _)) = text.strip_prefix("test ").and_then(|test| test.split_once(" ... ")) {
                self.tests.push(TimedTest { name: name.to_owned(), took: self.since.elapsed() });
                self.since = Instant::now();
            }
        }
        self.lines.push(line);
    }

    /// What libtest says at the end of the tests that failed: their output, and their names.
    pub(super) fn failures(&self) -> impl Iterator<Item = &str> {
        let out = self.lines.iter().filter_map(|line| match line {
            Line::Out(text) => Some(text.as_str()),
            Line::Err(_) => None,
        });
        out.skip_while(|text| *text != "failures:")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::thread::sleep;

    use super::*;

    #[test]
    fn tests_are_counted_and_timed_and_failures_found() {
        let mut transcript = Transcript::begin();
        sleep(Duration::from_millis(50));
        for line in ["", "running 2 tests", "test a::b ... ok"] {
            transcript.take(Line::Out(line.to_owned()));
        }
        sleep(Duration::from_millis(20));
        transcript.take(Line::Out("test c ... FAILED".to_owned()));
        transcript.take(Line::Err("failures:".to_owned()));
        let result =
            "test result: FAILED. 1 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.02s";
        for line in ["failures:", "    c", result] {
            transcript.take(Line::Out(line.to_owned()));
        }
        assert_eq!(transcript.counts, TestCounts { passed: 1, failed: 1, ignored: 3 });
        let names: Vec<&str> = transcript.tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["a::b", "c"]);
        assert!(
            transcript.tests[0].took < Duration::from_millis(20)
                && transcript.tests[1].took >= Duration::from_millis(20)
        );
        assert_eq!(transcript.failures().collect::<Vec<_>>(), ["failures:", "    c", result]);
    }
}
