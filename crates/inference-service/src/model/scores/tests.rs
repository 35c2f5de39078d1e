#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::super::{Colour, DefectRule, InputSpec, Layout, ResizeFilter, Task};
use super::*;

fn config(classes: usize) -> ModelConfig {
    ModelConfig {
        task: Task::Classification,
        version: None,
        latest_versions: 1,
        input: InputSpec {
            width: 1,
            height: 1,
            colour: Colour::Grey,
            layout: Layout::Nchw,
            mean: vec![0.0],
            std: vec![1.0],
            resize: ResizeFilter::Triangle,
        },
        labels: (0..classes).map(|class| format!("label {class}")).collect(),
        defect: DefectRule::Never,
    }
}

fn predict(logits: &[f32], top_k: usize) -> Prediction {
    Prediction::from_logits(logits, &config(logits.len()), NonZeroUsize::new(top_k).unwrap()).unwrap()
}

#[test]
fn a_prediction_names_the_likeliest_class() {
    let prediction = predict(&[0.0, 2.0_f32.ln(), 5.0_f32.ln()], 2);
    assert_eq!((prediction.label.as_str(), prediction.class), ("label 2", 2));
    assert!((prediction.confidence - 0.625).abs() < 1e-7);
    assert_eq!(prediction.top.iter().map(|score| score.class).collect::<Vec<_>>(), [2, 1]);
    assert!((prediction.top[1].confidence - 0.25).abs() < 1e-7);
    assert_eq!(predict(&[1.0, 2.0], usize::MAX).top.len(), 2, "no more classes than there are");
}

#[test]
fn extreme_logits_stay_numbers() {
    let prediction = predict(&[f32::MAX, f32::MIN, 0.0], 3);
    assert_eq!(prediction.top.iter().map(|score| score.confidence).collect::<Vec<_>>(), [1.0, 0.0, 0.0]);
    assert_eq!(prediction.top.iter().map(|score| score.class).collect::<Vec<_>>(), [0, 2, 1], "ordered by logit");
    assert_eq!(predict(&[f32::MIN; 4], 1).confidence, 0.25);
    assert_eq!(predict(&[-0.0, 0.0], 1).class, 0, "0 and -0 are a tie");
}

#[test]
fn answers_that_are_not_numbers_are_refused() {
    let one = NonZeroUsize::MIN;
    for bad in [vec![f32::NAN, 1.0], vec![1.0, f32::INFINITY], vec![f32::NEG_INFINITY, 1.0], vec![1.0], vec![1.0; 3]] {
        let refused = Prediction::from_logits(&bad, &config(2), one);
        assert!(matches!(refused, Err(ModelError::BadLogits { classes: 2, .. })), "{bad:?}");
    }
    assert!(Prediction::from_logits(&[], &config(0), one).is_err());
}

#[test]
fn the_rule_decides_on_defects() {
    let mut config = config(2);
    let one = NonZeroUsize::MIN;
    config.defect = DefectRule::Classes(vec![false, true]);
    assert!(Prediction::from_logits(&[0.0, 1.0], &config, one).unwrap().defect);
    assert!(!Prediction::from_logits(&[1.0, 0.0], &config, one).unwrap().defect);
    config.defect = DefectRule::BelowConfidence(0.6);
    assert!(Prediction::from_logits(&[0.0, 0.0], &config, one).unwrap().defect);
    assert!(!Prediction::from_logits(&[0.0, 3.0], &config, one).unwrap().defect);
}

#[test]
fn json_as_clients_see_it() {
    let json = serde_json::to_value(predict(&[0.0, 800.0], 1)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"label": "label 1", "class": 1, "confidence": 1.0, "defect": false,
            "top": [{"label": "label 1", "class": 1, "confidence": 1.0}]})
    );
}

proptest! {
    #[test]
    fn probabilities(
        logits in prop::collection::vec(prop_oneof![-20.0..20.0_f32, -1e38..1e38_f32, Just(1.5_f32)], 1..40),
        top_k in 1_usize..50,
    ) {
        let all = predict(&logits, logits.len());
        let sum: f64 = all.top.iter().map(|score| score.confidence).sum();
        prop_assert!((sum - 1.0).abs() < 1e-12);
        prop_assert!(all.top.iter().all(|score| (0.0..=1.0).contains(&score.confidence)));
        for pair in all.top.windows(2) {
            prop_assert!(pair[0].confidence >= pair[1].confidence);
            let (first, second) = (logits[pair[0].class], logits[pair[1].class]);
            prop_assert!(first > second || (first == second && pair[0].class < pair[1].class));
        }
        let some = predict(&logits, top_k);
        prop_assert_eq!(&some.top[..], &all.top[..top_k.min(logits.len())]);
        prop_assert_eq!((some.class, some.confidence), (all.top[0].class, all.top[0].confidence));
        prop_assert_eq!(some.label, all.top[0].label.clone());
    }

    #[test]
    fn a_common_shift_changes_nothing(logits in prop::collection::vec(-8_i16..8, 1..10), shift in -1000_i16..1000) {
        let plain: Vec<f32> = logits.iter().copied().map(f32::from).collect();
        let shifted: Vec<f32> = logits.iter().map(|logit| f32::from(logit + shift)).collect();
        let said = |logits: &[f32]| Prediction { logits: Vec::new(), ..predict(logits, 10) };
        prop_assert_eq!(said(&plain), said(&shifted));
    }
}
