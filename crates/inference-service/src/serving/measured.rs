//! How long an item takes, alone and together with others, measured while a model warms up.
//!
//! Rule of thumb: items run together only where that was faster, and changed no answer.

use std::time::{Duration, Instant};

use super::BatchPolicy;
use super::samples::SampleRange;
use crate::input::ModelInput;
use crate::model::{Datatype, Engine, ModelError, Session, Tensor, TensorValues};

/// Most time for all sizes; a size that would take longer is not tried.
const MOST_TIME: Duration = Duration::from_secs(1);
/// Runs of each size. The fastest counts, because other work of the machine can only add to it.
const RUNS: u32 = 6;
/// Items must be faster together by this part.
const LEAST_GAIN: f64 = 0.03;
/// How far the answer to an item may be from the answer to it alone, as a part of its largest number.
const TOLERANCE: f64 = 1e-4;
/// The same for numbers of half precision.
const HALF_TOLERANCE: f64 = 5e-3;

/// What was measured, and what follows from it.
#[derive(Debug)]
pub(crate) struct MeasuredBatching {
    /// How many items ran together, and the seconds for each of them; from one item on.
    pub(crate) sizes: Vec<(usize, f64)>,
    /// Why items run one at a time, if they do.
    pub(crate) single_because: Option<String>,
    limit: usize,
}

impl MeasuredBatching {
    /// Runs the model alone and together.
    ///
    /// # Errors
    /// As [`Session::warm_up`].
    pub(super) fn of(engine: &Engine, session: &mut Session) -> Result<Self, ModelError> {
        let most = engine.config().batching.max_size;
        let started = Instant::now();
        let mut sizes = vec![(1, fastest(started, || session.warm_up())?)];
        let single = |sizes, because: &str| Ok(Self { sizes, single_because: Some(because.to_owned()), limit: 1 });
        if most == 1 {
            return single(sizes, "model.toml says so");
        }
        if let Err(because) = engine.takes_batches() {
            return single(sizes, &because);
        }
        if !answers_stay(session, most) {
            return single(sizes, "items that ran together got other answers than alone, or none");
        }
        let zeros = session.zeros();
        let steps = (1..).map(|power| 1_usize << power).take_while(|size| *size < most).chain([most]);
        for size in steps {
            let expected = Duration::from_secs_f64(2.0 * size as f64 * sizes[0].1);
            if started.elapsed() + expected > MOST_TIME {
                break;
            }
            let inputs = vec![&zeros; size];
            let seconds = fastest(started, || session.run_together(&inputs).map(drop))?;
            sizes.push((size, seconds / size as f64));
        }
        let best = sizes.iter().copied().min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or(sizes[0]);
        if best.1 > sizes[0].1 * (1.0 - LEAST_GAIN) {
            return single(sizes, "items take no less time together");
        }
        Ok(Self { sizes, single_because: None, limit: best.0 })
    }

    /// Seconds of an item, run as it will be.
    pub(super) fn item_seconds(&self) -> f64 {
        self.sizes.iter().find(|(size, _)| *size == self.limit).map_or(0.0, |(_, seconds)| *seconds)
    }

    /// Most items that run together.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How the queue hands items out.
    pub(super) fn policy(&self, engine: &Engine) -> BatchPolicy {
        if self.limit == 1 {
            return BatchPolicy::SINGLE;
        }
        BatchPolicy { limit: self.limit, max_delay: engine.config().batching.max_delay }
    }

    /// The sizes and the milliseconds of an item, for the log.
    pub(super) fn text(&self) -> String {
        let sizes = self.sizes.iter().map(|(size, seconds)| format!("{size}: {:.3}", seconds * 1000.0));
        sizes.collect::<Vec<_>>().join(", ")
    }
}

/// The seconds of the fastest of some runs, one at least.
fn fastest(started: Instant, mut run: impl FnMut() -> Result<(), ModelError>) -> Result<f64, ModelError> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        run()?;
        best = best.min(begun.elapsed().as_secs_f64());
        if started.elapsed() > MOST_TIME {
            break;
        }
    }
    Ok(best)
}

/// Whether different items get the same answers alone and together, be they two or as many as may be.
fn answers_stay(session: &mut Session, most: usize) -> bool {
    let zeros = session.zeros();
    let alone = SampleRange::ALL.iter().find_map(|range| {
        let inputs: Vec<ModelInput> = (0..most).map(|number| range.sample(&zeros, number)).collect();
        let answers = inputs.iter().map(|input| session.run(input)).collect::<Result<Vec<_>, _>>().ok()?;
        Some((inputs, answers))
    });
    let Some((inputs, answers)) = alone else { return false };
    let inputs: Vec<&ModelInput> = inputs.iter().collect();
    [2, most]
        .into_iter()
        .all(|size| session.run_together(&inputs[..size]).is_ok_and(|together| agree(&answers[..size], &together)))
}

/// The same, as far as numbers of this kind can be.
fn agree(alone: &[Vec<Tensor>], together: &[Vec<Tensor>]) -> bool {
    alone.len() == together.len()
        && alone.iter().zip(together).all(|(alone, together)| {
            alone.len() == together.len() && alone.iter().zip(together).all(|(alone, together)| near(alone, together))
        })
}

fn near(alone: &Tensor, together: &Tensor) -> bool {
    let (a, b) = (alone.values(), together.values());
    let floats =
        |values: &TensorValues| (0..values.len()).map(|index| values.float(index)).collect::<Option<Vec<f64>>>();
    let tolerance = match a.datatype() {
        Datatype::Fp16 | Datatype::Bf16 => HALF_TOLERANCE,
        _ => TOLERANCE,
    };
    match (floats(a), floats(b)) {
        (Some(numbers), Some(others)) if alone.shape() == together.shape() && a.datatype() == b.datatype() => {
            let largest = numbers.iter().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
            numbers.iter().zip(others).all(|(a, b)| (a - b).abs() <= tolerance * largest)
        }
        _ => alone == together,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(numbers: [f32; 2]) -> Vec<Tensor> {
        Tensor::new(vec![1, 2], TensorValues::Fp32(numbers.to_vec())).into_iter().collect()
    }

    #[test]
    fn answers_agree_up_to_noise() {
        let alone = [answer([1.0, -2.0]), answer([0.0, 100.0])];
        assert!(agree(&alone, &[answer([1.000_01, -2.0]), answer([0.000_1, 100.0])]));
        assert!(!agree(&alone, &[answer([1.01, -2.0]), answer([0.0, 100.0])]));
        assert!(!agree(&alone, &[answer([0.0, 100.0]), answer([1.0, -2.0])]), "mixed up");
        assert!(!agree(&alone, &[answer([1.0, -2.0])]), "one is missing");
        assert!(!agree(&alone, &[answer([1.0, -2.0]), answer([f32::NAN, 100.0])]));
        assert!(!agree(&alone, &[answer([1.0, -2.0]), Vec::new()]), "an output is missing");
    }
}
