#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

fn labels(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("label {class}")).collect()
}

fn predict(logits: &[f32], top_k: usize) -> ClassPrediction {
    let top_k = NonZeroUsize::new(top_k).unwrap();
    ClassPrediction::from_logits(logits, &labels(logits.len()), &DefectRule::Never, top_k).unwrap()
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
        let refused = ClassPrediction::from_logits(&bad, &labels(2), &DefectRule::Never, one);
        assert!(matches!(refused, Err(ModelError::BadLogits { classes: 2, .. })), "{bad:?}");
    }
    assert!(ClassPrediction::from_logits(&[], &[], &DefectRule::Never, one).is_err());
}

#[test]
fn the_rule_decides_on_defects() {
    let is_defect = |logits: &[f32], rule: &DefectRule| {
        ClassPrediction::from_logits(logits, &labels(2), rule, NonZeroUsize::MIN).unwrap().defect
    };
    let second = DefectRule::Classes(vec![false, true]);
    assert_eq!((is_defect(&[0.0, 1.0], &second), is_defect(&[1.0, 0.0], &second)), (true, false));
    let unsure = DefectRule::BelowConfidence(0.6);
    assert_eq!((is_defect(&[0.0, 0.0], &unsure), is_defect(&[0.0, 3.0], &unsure)), (true, false));
}

#[test]
fn json_as_clients_see_it() {
    let json = |meaning| serde_json::to_value(Prediction { meaning, outputs: Vec::new() }).unwrap();
    assert_eq!(json(PredictionMeaning::Number { value: 1.5 }), serde_json::json!({ "value": 1.5 }));
    assert_eq!(
        json(PredictionMeaning::Class(predict(&[0.0, 800.0], 1))),
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
        prop_assert_eq!(predict(&plain, 10), predict(&shifted, 10));
    }
}
