//! What `cargo xtask test` says: each step as it begins, each test program when it has ended, and all of it in short at
//! the end.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};

use super::command::StepTitle;
use super::runner::EndedProgram;
use super::skips::Skips;
use super::stream::Line;
use super::transcript::{TestCounts, TimedTest};
use terminal::{StopRequest, say, warn};

/// How many of the slowest tests are named.
const SLOWEST: usize = 10;

/// What has happened so far.
pub(super) struct TestReport {
    started: Instant,
    steps: Vec<PassedStep>,
    tests: Vec<TimedTest>,
    counts: TestCounts,
    skips: Skips,
    failures: Vec<EndedProgram>,
}

struct PassedStep {
    name: &'static str,
    took: Duration,
}

impl TestReport {
    pub(super) fn begin() -> Self {
        Self {
            started: Instant::now(),
            steps: Vec::new(),
            tests: Vec::new(),
            counts: TestCounts::default(),
            skips: Skips::default(),
            failures: Vec::new(),
        }
    }

    /// Says what begins, does it, and says what it took.
    ///
    /// # Errors
    /// Where the step fails, with the command that repeats it; and where a person asked to stop.
    pub(super) fn step(
        &mut self,
        title: &StepTitle<'_>,
        stop: &StopRequest,
        work: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let StepTitle { name, duration, repeat } = *title;
        say(format_args!("\n== {name} (about {duration}): {repeat}"));
        let started = Instant::now();
        let outcome = work(self);
        let took = started.elapsed();
        ensure!(!stop.is_waiting(), "stopped on request");
        outcome.map_err(|error| {
            warn(format_args!("{error:#}"));
            anyhow!("the step \"{name}\" failed after {:.1} s. To repeat it: {repeat}", took.as_secs_f64())
        })?;
        say(format_args!("-- {name}: passed in {:.1} s", took.as_secs_f64()));
        self.steps.push(PassedStep { name, took });
        Ok(())
    }

    /// Shows a line of a test command that runs alone.
    pub(super) fn note_line(&mut self, line: Line) {
        if let Line::Out(text) = &line
            && let Some(counts) = TestCounts::from_line(text)
        {
            self.counts.add(counts);
        }
        self.show(&line);
    }

    /// Shows what a program said, and remembers what is repeated at the end.
    pub(super) fn note_program(&mut self, ended: EndedProgram) {
        let EndedProgram { program, took, transcript, problem } = &ended;
        let verdict = problem.as_deref().unwrap_or("passed");
        say(format_args!("\n-- {program}: {verdict}, {:.1} s", took.as_secs_f64()));
        for line in &transcript.lines {
            self.show(line);
        }
        self.counts.add(transcript.counts);
        let named = transcript.tests.iter().map(|test| TimedTest { name: format!("{program} {}", test.name), ..*test });
        self.tests.extend(named);
        if ended.problem.is_some() {
            self.failures.push(ended);
        }
    }

    fn show(&mut self, line: &Line) {
        match line {
            Line::Out(line) if self.skips.scan(line) => say(line),
            Line::Out(_) => {}
            Line::Err(line) => {
                self.skips.note(line);
                warn(line);
            }
        }
    }

    /// Shows again what failed.
    ///
    /// # Errors
    /// Where a program failed, with the commands that repeat them.
    pub(super) fn require_no_failure(&self) -> Result<()> {
        if self.failures.is_empty() {
            return Ok(());
        }
        let mut repeats = Vec::new();
        for EndedProgram { program, transcript, problem, .. } in &self.failures {
            say(format_args!("\n!! {program}: {}", problem.as_deref().unwrap_or_default()));
            transcript.failures().for_each(say);
            repeats.push(program.to_repeat());
        }
        bail!("{} test programs failed. One by one:\n  {}", self.failures.len(), repeats.join("\n  "))
    }

    /// Says what the steps took, which tests were slow, what was skipped; and last how many tests passed.
    pub(super) fn tell(&mut self) {
        say(format_args!("\n{:>8}  step", "seconds"));
        for step in &self.steps {
            say(format_args!("{:>8.1}  {}", step.took.as_secs_f64(), step.name));
        }
        say(format_args!("{:>8.1}  together", self.started.elapsed().as_secs_f64()));
        if !self.tests.is_empty() {
            self.tests.sort_by_key(|test| std::cmp::Reverse(test.took));
            say(format_args!(
                "\n{:>8}  slowest tests, from start to end, with other test programs beside them",
                "seconds"
            ));
            for test in self.tests.iter().take(SLOWEST) {
                say(format_args!("{:>8.1}  {}", test.took.as_secs_f64(), test.name));
            }
        }
        self.skips.tell();
        let TestCounts { passed, failed, ignored } = self.counts;
        if passed + failed > 0 {
            let skipped = ignored + self.skips.lines().len();
            say(format_args!("\n{passed} passed, {failed} failed, {skipped} skipped"));
        }
    }
}
