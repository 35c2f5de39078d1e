//! What the tests say they skip, and how the rest of their output is shown.
//!
//! Rule of thumb: a test that lacks something prints a line that begins with `SKIPPED:`. Such a line is shown
//! again at the very end, because a green run that left things out must not look like any other.

use terminal::warn;

const MARK: &str = "SKIPPED:";

/// Reads the output of test programs that were started with `--show-output`, one after another.
#[derive(Default)]
pub(super) struct Skips {
    lines: Vec<String>,
    inside_successes: bool,
}

impl Skips {
    /// Takes one line of stdout and says whether to show it: the output of tests that passed is not shown,
    /// except for what they skip.
    pub(super) fn scan(&mut self, line: &str) -> bool {
        if line == "successes:" {
            self.inside_successes = true;
        } else if line == "failures:" || line.starts_with("test result:") {
            self.inside_successes = false;
        }
        self.note(line) || !self.inside_successes
    }

    /// Notes the line if it tells of something skipped, once however often it comes; says whether it does.
    pub(super) fn note(&mut self, line: &str) -> bool {
        let line = line.trim();
        let skipped = line.starts_with(MARK);
        if skipped && !self.lines().iter().any(|known| known == line) {
            self.lines.push(line.to_owned());
        }
        skipped
    }

    /// What was skipped, in the order in which it came.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Says it all again; nothing where nothing was skipped.
    pub(super) fn tell(&self) {
        if self.lines().is_empty() {
            return;
        }
        warn(format_args!("\n!! NOT EVERYTHING WAS TESTED. {} left out:", self.lines().len()));
        for line in self.lines() {
            warn(format_args!("!!   {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const OUTPUT: &str = "running 2 tests
test a ... ok
test b ... FAILED

successes:

---- a stdout ----
a line of a log
SKIPPED: promtool is missing
  SKIPPED: promtool is missing
it says SKIPPED: in the middle

successes:
    a

failures:

---- b stdout ----
why b failed

test result: FAILED. 1 passed; 1 failed
running 1 test";

    #[test]
    fn passing_tests_are_heard_only_on_what_they_skip() {
        let mut skips = Skips::default();
        let shown: Vec<&str> = OUTPUT.lines().filter(|line| skips.scan(line)).collect();
        assert_eq!(skips.lines(), ["SKIPPED: promtool is missing"]);
        for line in ["test b ... FAILED", "why b failed", "test result: FAILED. 1 passed; 1 failed", "running 1 test"] {
            assert!(shown.contains(&line), "{line:?} was hidden");
        }
        for line in ["a line of a log", "it says SKIPPED: in the middle"] {
            assert!(!shown.contains(&line), "{line:?} was shown");
        }
    }
}
