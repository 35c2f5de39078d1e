//! What an evaluation reads, and how often it reads what is long.
//!
//! Rule of thumb: the last hour is summed each time. A longer window is summed again when twenty times as long as that
//! takes has passed, so evaluations read the database for a small part of the time only, however large it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::detector::DetectorTrials;
use super::in_service::FilesInService;
use super::model_evaluation::{ModelKnowledge, WindowEvaluation};
use super::segments::{self, SegmentEvaluations};
use super::sudden::SuddenEvaluation;
use super::window::{EvaluationWindow, last_buckets};
use crate::store::error::DatabaseError;
use crate::store::windows::{self, ModelWindow, SegmentScope, WindowSums};
use crate::store::{SqlSession, declarations, references};

/// How many times as long as summing a long window takes its sums are used.
const USED_FOR: u32 = 20;

/// All that an evaluation has found.
pub(super) struct EvaluationReading {
    pub(super) known: ModelKnowledge,
    pub(super) windows: Vec<WindowEvaluation>,
    /// Models that are not read, because there are too many names.
    pub(super) left_out: u64,
    pub(super) sudden: SuddenEvaluation,
    pub(super) segments: SegmentEvaluations,
    pub(super) trials: Arc<DetectorTrials>,
    /// Whether the detector was tried now, and not earlier.
    pub(super) is_tried_now: bool,
}

/// The sums of the long windows, from one evaluation to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptSums {
    windows: BTreeMap<EvaluationWindow, KeptWindow>,
    segments: Option<KeptWindow>,
    trials: Option<(Instant, Arc<DetectorTrials>)>,
    in_service: FilesInService,
}

#[derive(Clone, Debug)]
struct KeptWindow {
    sums: Arc<WindowSums>,
    summed_at: Instant,
    took: Duration,
}

impl KeptSums {
    /// Reads and judges everything, and tries the detector where `try_every` has passed since or a model is new; `now` is in
    /// microseconds since 1970.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn evaluate(
        &mut self,
        session: &mut dyn SqlSession,
        now: i64,
        try_every: Duration,
    ) -> Result<EvaluationReading, DatabaseError> {
        let profiles = references::all(session, None)?;
        let known = ModelKnowledge { profiles, declared: declarations::effective(session, None)? };
        let mut buckets = Vec::new();
        for range in last_buckets(now) {
            buckets.extend(windows::sums(session, None, range)?.files);
        }
        let mut sums = Vec::new();
        for window in EvaluationWindow::ALL {
            sums.push((window, self.sums(session, window, now)?));
        }
        self.in_service.choose(sums.iter().map(|(_, sums)| &sums.files[..]));
        let evaluate = |(window, sums): &(EvaluationWindow, Arc<WindowSums>)| {
            WindowEvaluation::of(*window, self.in_service.of(&sums.files), &known)
        };
        let evaluations = sums.iter().map(evaluate).collect();
        let left_out = sums.iter().map(|(_, sums)| sums.left_out.models).max().unwrap_or_default();
        let has_segments = known.declared.values().any(|declared| !declared.tags.is_empty());
        let segments = if has_segments { self.segments(session, now)? } else { Arc::default() };
        let day = self.sums(session, EvaluationWindow::Day, now)?;
        let (trials, is_tried_now) = self.trials(&day.files, &known, try_every);
        Ok(EvaluationReading {
            sudden: SuddenEvaluation::of(&buckets, &known),
            segments: SegmentEvaluations::of(&segments.files, &self.in_service, &known),
            windows: evaluations,
            left_out,
            known,
            trials,
            is_tried_now,
        })
    }

    fn trials(
        &mut self,
        day: &[ModelWindow],
        known: &ModelKnowledge,
        try_every: Duration,
    ) -> (Arc<DetectorTrials>, bool) {
        if let Some((tried_at, trials)) = &self.trials
            && tried_at.elapsed() < try_every
            && trials.cover(day, known)
        {
            return (Arc::clone(trials), false);
        }
        let trials = Arc::new(DetectorTrials::on(self.in_service.of(day), known));
        self.trials = Some((Instant::now(), Arc::clone(&trials)));
        (trials, true)
    }

    fn sums(
        &mut self,
        session: &mut dyn SqlSession,
        window: EvaluationWindow,
        now: i64,
    ) -> Result<Arc<WindowSums>, DatabaseError> {
        if let Some(kept) = self.windows.get(&window)
            && window != EvaluationWindow::Hour
            && kept.is_fresh()
        {
            return Ok(Arc::clone(&kept.sums));
        }
        let kept = KeptWindow::sum(|| windows::sums(session, None, window.range(now)))?;
        let sums = Arc::clone(&kept.sums);
        self.windows.insert(window, kept);
        Ok(sums)
    }

    fn segments(&mut self, session: &mut dyn SqlSession, now: i64) -> Result<Arc<WindowSums>, DatabaseError> {
        if let Some(kept) = self.segments.as_ref().filter(|kept| kept.is_fresh()) {
            return Ok(Arc::clone(&kept.sums));
        }
        let range = segments::WINDOW.range(now);
        let kept = KeptWindow::sum(|| windows::sums_of(session, None, range, &SegmentScope::Each))?;
        let sums = Arc::clone(&kept.sums);
        self.segments = Some(kept);
        Ok(sums)
    }
}

impl KeptWindow {
    fn sum(read: impl FnOnce() -> Result<WindowSums, DatabaseError>) -> Result<Self, DatabaseError> {
        let summed_at = Instant::now();
        Ok(Self { sums: Arc::new(read()?), summed_at, took: summed_at.elapsed() })
    }

    /// Whether its sums may be used again.
    fn is_fresh(&self) -> bool {
        self.summed_at.elapsed() < self.took.saturating_mul(USED_FOR)
    }
}
