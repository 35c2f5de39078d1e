//! The algebra of the counts: any split of the rows, merged in any order, is the whole.

use crate::samples::{CLASSES, InjectedDrift, sample_row, sample_window};
use logging_service::analysis::{
    ClassOutcome, LabelSign, LabelledObservation, LabelledOutcome, Observation, PositiveScore, TrueClassScore,
    WindowCounts,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// A row that is made from a seed, the part that it belongs to, and perhaps its label with a revision.
#[derive(Clone, Debug)]
struct CountedRow {
    seed: u64,
    part: usize,
    failed: u64,
    truth: Option<usize>,
    revised: Option<usize>,
}

const PARTS: usize = 5;

fn events() -> impl Strategy<Value = Vec<CountedRow>> {
    let truth = || proptest::option::of(0..CLASSES.len());
    let event = (any::<u64>(), 0..PARTS, proptest::bool::weighted(0.1), truth(), truth());
    let event = event.prop_map(|(seed, part, failed, truth, revised)| CountedRow {
        seed,
        part,
        failed: u64::from(failed) * 3,
        truth,
        revised,
    });
    vec(event, 0..120)
}

impl CountedRow {
    fn count(&self, counts: &mut WindowCounts) {
        let row = sample_row(&mut fastrand::Rng::with_seed(self.seed), InjectedDrift::default());
        counts.observe(&Observation { failed: self.failed, ..row.observation() });
        let label = |class: usize| labelled(self.seed, row.label, CLASSES[class].0);
        if let Some(truth) = self.truth.filter(|_| self.failed == 0) {
            counts.label(&label(truth), LabelSign::Add);
            if let Some(revised) = self.revised {
                counts.label(&label(truth), LabelSign::TakeBack);
                counts.label(&label(revised), LabelSign::Add);
            }
        }
    }
}

/// A labelled prediction of any kind, made from a seed.
fn labelled(seed: u64, predicted: &str, truth: &str) -> LabelledObservation {
    let share = |of: u64| (seed % of) as f64 / of as f64;
    let lag_seconds = (seed % 99_991) as f64 / 7.0;
    if seed.is_multiple_of(3) {
        return LabelledObservation::value(share(1_009) * 1e6 - 5e5, share(10_007) * 1e6, lag_seconds);
    }
    let outcome = ClassOutcome {
        predicted: predicted.to_owned(),
        truth: truth.to_owned(),
        is_outside: seed.is_multiple_of(17),
        confidence: (!seed.is_multiple_of(5)).then_some(share(1_001)),
        truth_score: (!seed.is_multiple_of(7)).then_some(TrueClassScore {
            probability: (!seed.is_multiple_of(11)).then_some(share(997)),
            rank: (seed % 6) as u16,
            ranked: (seed % 8) as u16,
            is_outside: seed.is_multiple_of(17),
        }),
        positive: (!seed.is_multiple_of(13)).then(|| PositiveScore {
            class: CLASSES[(seed % 2) as usize].0.to_owned(),
            score: share(991),
            other: None,
        }),
    };
    LabelledObservation { lag_seconds, outcome: LabelledOutcome::Class(outcome) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_merged_in_any_order_is_the_whole(events in events(), order in Just((0..PARTS).collect::<Vec<_>>()).prop_shuffle()) {
        let mut whole = WindowCounts::default();
        let mut parts = vec![WindowCounts::default(); PARTS];
        for event in &events {
            event.count(&mut whole);
            event.count(&mut parts[event.part]);
        }
        let mut merged = WindowCounts::default();
        for part in order {
            merged.merge(&WindowCounts::from_json(&parts[part].to_json()).unwrap());
        }
        prop_assert_eq!(merged.to_json(), whole.to_json());
        prop_assert_eq!(&merged, &whole);
        whole.validate().unwrap();
    }

    #[test]
    fn a_label_taken_back_leaves_nothing(events in events()) {
        let mut counts = WindowCounts::default();
        let labels: Vec<LabelledObservation> = events
            .iter()
            .map(|event| labelled(event.seed, CLASSES[event.part].0, CLASSES[event.truth.unwrap_or(0)].0))
            .collect();
        labels.iter().for_each(|label| counts.label(label, LabelSign::Add));
        labels.iter().rev().for_each(|label| counts.label(label, LabelSign::TakeBack));
        prop_assert!(counts.is_empty(), "{}", counts.to_json());
    }
}

#[test]
fn a_window_is_a_few_kilobytes_of_json() {
    let window = sample_window(&mut fastrand::Rng::with_seed(1), 500, InjectedDrift::default());
    let text = window.to_json();
    assert!(text.len() < 3_000, "{} bytes: {text}", text.len());
    assert_eq!(WindowCounts::from_json(&text).unwrap(), window);
}

#[test]
fn unknown_keys_are_ignored_and_another_grid_is_not() {
    let counts = WindowCounts::from_json(r#"{"g":1,"n":2,"e":1,"new":[1],"f":{"hue":[4],"width":[0,20,2]}}"#).unwrap();
    assert_eq!((counts.predictions, counts.errors), (2, 1));
    let problem = WindowCounts::from_json(r#"{"g":7,"n":"of another shape"}"#).unwrap_err();
    assert!(problem.to_string().contains("grid version 7"), "{problem}");
    assert!(WindowCounts::from_json(r#"{"g":1,"f":{"width":[0,64,2]}}"#).is_err());
    assert!(WindowCounts::from_json("{}").is_err());
}
