#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;
use crate::model::scores::{Prediction, PredictionMeaning};
use crate::model::{FileLabels, TensorValues};

fn labels(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("label {class}")).collect()
}

fn reader(scale: ScoreScale, classes: usize) -> ClassReader {
    ClassReader {
        output_name: "scores".to_owned(),
        output: 0,
        scale,
        decided_by: ScaleSource::Graph,
        labels: labels(classes),
        is_single: false,
        own_label: None,
    }
}

fn outputs(numbers: &[f32]) -> Vec<Tensor> {
    vec![Tensor::new(vec![1, numbers.len()], TensorValues::Fp32(numbers.to_vec())).unwrap()]
}

fn predict(logits: &[f32], top_k: usize) -> ClassPrediction {
    of_scale(ScoreScale::Logits, logits, top_k).unwrap()
}

/// The prediction for numbers of this kind, one for each class.
fn of_scale(scale: ScoreScale, numbers: &[f32], top_k: usize) -> Result<ClassPrediction, ModelError> {
    let top_k = NonZeroUsize::new(top_k).unwrap();
    reader(scale, numbers.len()).prediction(&outputs(numbers), &DefectRule::Never, top_k)
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
    for bad in [vec![f32::NAN, 1.0], vec![1.0, f32::INFINITY], vec![f32::NEG_INFINITY, 1.0], vec![1.0], vec![1.0; 3]] {
        let refused = reader(ScoreScale::Logits, 2).check(&outputs(&bad));
        assert!(matches!(refused, Err(ModelError::BadScores { expected: 2, .. })), "{bad:?}");
    }
    assert!(reader(ScoreScale::Logits, 0).check(&outputs(&[])).is_err());
    let numbers = TensorValues::Int64(vec![1, 2]);
    assert!(reader(ScoreScale::Logits, 2).check(&[Tensor::new(vec![1, 2], numbers).unwrap()]).is_err());
}

#[test]
fn numbers_that_cannot_be_probabilities_are_refused() {
    let (probabilities, sigmoid) = (ScoreScale::Probabilities, ScoreScale::Sigmoid);
    for (scale, numbers, says) in [
        (probabilities, &[0.5, 0.6, 0.4][..], "add up to 1.5"),
        (probabilities, &[3.0, -1.0, -1.0], "number 0 is 3"),
        (probabilities, &[1.1, -0.1], "number 0 is 1.1"),
        (probabilities, &[0.0, 0.0], "add up to 0"),
        (sigmoid, &[0.5, 2.0], "number 1 is 2"),
        (sigmoid, &[-0.5, 0.3], "number 0 is -0.5"),
    ] {
        let refused = of_scale(scale, numbers, 1).unwrap_err();
        let text = refused.to_string();
        assert!(matches!(refused, ModelError::WrongScale { .. }) && text.contains(says), "{numbers:?}: {text}");
        assert!(text.contains("\"logits\"") && text.contains(scale.as_str()), "{text}");
    }
    assert!(of_scale(sigmoid, &[0.9, 0.8, 0.7], 1).is_ok(), "several may hold");
    assert!(of_scale(sigmoid, &[0.0, 0.0], 1).is_ok(), "none may hold");
    let rounded = of_scale(probabilities, &[1.000_001, -0.000_001], 2).unwrap();
    assert_eq!((rounded.confidence, rounded.top[1].confidence), (1.0, 0.0), "a confidence stays within 0 and 1");
}

#[test]
fn one_number_tells_of_two_classes() {
    let of = |scale, number: f32| {
        let single = ClassReader { is_single: true, ..reader(scale, 2) };
        single.prediction(&outputs(&[number]), &DefectRule::Never, NonZeroUsize::MAX)
    };
    for scale in [ScoreScale::Sigmoid, ScoreScale::Probabilities] {
        let second = of(scale, 0.75).unwrap();
        assert_eq!((second.class, second.confidence, second.top[1].confidence), (1, 0.75, 0.25));
        let first = of(scale, 0.25).unwrap();
        assert_eq!((first.class, first.confidence, first.label.as_str()), (0, 0.75, "label 0"));
        assert!(of(scale, 1.5).is_err());
    }
    let logit = of(ScoreScale::Logits, 3_f32.ln()).unwrap();
    assert!(logit.class == 1 && (logit.confidence - 0.75).abs() < 1e-7, "{logit:?}");
    assert_eq!(of(ScoreScale::Logits, -8.0).unwrap().class, 0);
    let two = ClassReader { is_single: true, ..reader(ScoreScale::Sigmoid, 2) };
    assert!(two.check(&outputs(&[0.5, 0.5])).is_err());
}

#[test]
fn other_precisions_are_read() {
    let half = TensorValues::Fp16([0.25_f32, 0.75].map(half::f16::from_f32).to_vec());
    let double = TensorValues::Fp64(vec![0.25, 0.75]);
    for values in [half, double] {
        let outputs = [Tensor::new(vec![1, 2], values).unwrap()];
        let top_k = NonZeroUsize::MIN;
        let class = reader(ScoreScale::Probabilities, 2).prediction(&outputs, &DefectRule::Never, top_k).unwrap();
        assert_eq!((class.class, class.confidence), (1, 0.75));
    }
}

#[test]
fn the_rule_decides_on_defects() {
    let is_defect = |logits: &[f32], rule: &DefectRule| {
        reader(ScoreScale::Logits, 2).prediction(&outputs(logits), rule, NonZeroUsize::MIN).unwrap().defect
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

/// The class of two probabilities, beside a label of its own.
fn beside_own(names: FileLabels, label: TensorValues, numbers: &[f32]) -> Result<ClassPrediction, ModelError> {
    let label = Tensor::new(vec![label.len()], label).unwrap();
    let own_label = Some(OwnLabel { output: 1, names });
    let reader = ClassReader { own_label, ..reader(ScoreScale::Probabilities, 2) };
    let outputs = [outputs(numbers), vec![label]].concat();
    assert_eq!(
        reader.check(&outputs).is_ok(),
        reader.prediction(&outputs, &DefectRule::Never, NonZeroUsize::MIN).is_ok()
    );
    reader.prediction(&outputs, &DefectRule::Never, NonZeroUsize::MIN)
}

#[test]
fn the_models_own_label_must_not_be_contradicted() {
    let numbers = || FileLabels::Numbers(vec![7, -1]);
    let texts = || FileLabels::Texts(vec!["no".to_owned(), "yes".to_owned()]);
    let text = |text: &str| TensorValues::Bytes(vec![text.to_owned()]);
    assert_eq!(beside_own(numbers(), TensorValues::Int64(vec![-1]), &[0.25, 0.75]).unwrap().class, 1);
    assert_eq!(beside_own(numbers(), TensorValues::Int32(vec![7]), &[0.75, 0.25]).unwrap().class, 0);
    assert_eq!(beside_own(texts(), text("yes"), &[0.25, 0.75]).unwrap().class, 1);
    let tie = beside_own(texts(), text("yes"), &[0.5, 0.5]).unwrap();
    assert_eq!((tie.class, tie.confidence, tie.top[0].class), (1, 0.5, 1), "of equals, the model's own");
    let twice = FileLabels::Texts(vec!["same".to_owned(), "same".to_owned()]);
    assert_eq!(
        beside_own(twice, text("same"), &[0.25, 0.75]).unwrap().class,
        1,
        "the likeliest of those with the name"
    );
    assert_eq!(beside_own(numbers(), text("-1"), &[0.25, 0.75]).unwrap().class, 1, "a number as a text");
    for (names, label) in [
        (numbers(), TensorValues::Int64(vec![7])),
        (numbers(), TensorValues::Int64(vec![3])),
        (numbers(), TensorValues::Int64(vec![])),
        (texts(), TensorValues::Int64(vec![1])),
        (texts(), text("no")),
        (texts(), text("other")),
    ] {
        let refused = beside_own(names, label, &[0.25, 0.75]).unwrap_err();
        assert!(matches!(refused, ModelError::BadLabel { .. }), "{refused}");
        assert!(refused.to_string().contains("output_name = \"scores\""), "{refused}");
    }
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
        prop_assert_eq!(&some.recorded[..], &all.top[..top_k.max(10).min(logits.len())]);
        prop_assert_eq!((some.class, some.confidence), (all.top[0].class, all.top[0].confidence));
        prop_assert_eq!(some.label, all.top[0].label.clone());
    }

    #[test]
    fn a_common_shift_changes_nothing(logits in prop::collection::vec(-8_i16..8, 1..10), shift in -1000_i16..1000) {
        let plain: Vec<f32> = logits.iter().copied().map(f32::from).collect();
        let shifted: Vec<f32> = logits.iter().map(|logit| f32::from(logit + shift)).collect();
        prop_assert_eq!(predict(&plain, 10), predict(&shifted, 10));
    }

    #[test]
    fn probabilities_stay_as_they_are(weights in prop::collection::vec(0.0..1.0_f32, 1..40), top_k in 1_usize..50) {
        let sum: f32 = weights.iter().sum::<f32>() + 1.0;
        let mut numbers: Vec<f32> = weights.iter().map(|weight| weight / sum).collect();
        numbers.push(1.0 / sum);
        for scale in [ScoreScale::Probabilities, ScoreScale::Sigmoid] {
            let prediction = of_scale(scale, &numbers, top_k).unwrap();
            for score in &prediction.top {
                prop_assert_eq!(score.confidence, f64::from(numbers[score.class]));
            }
            prop_assert!(numbers.iter().all(|number| f64::from(*number) <= prediction.confidence));
        }
    }
}
