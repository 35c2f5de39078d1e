//! The quality compared with scikit-learn's metrics, on rows of real models of several data sets.
//!
//! Rule of thumb: the peer makes rows and numbers; it never sees a result of ours.

use std::path::Path;
use std::process::{Command, Stdio};

use logging_service::analysis::{
    ClassOutcome, LabelSign, LabelledObservation, LabelledOutcome, PositiveScore, QualityReport, TrueClassScore,
    WindowCounts, quality_by,
};
use prediction_record::{ModelDeclaration, NUMBER_GRID_ERROR};
use serde_json::Value;
use testkit::pypi;

use crate::peers::{PACKAGES, TOLERANCE};

/// The counts of the parts into which rows are split, merged: what several writers and buckets make of them.
const PARTS: usize = 7;

#[test]
fn the_quality_is_that_of_scikit_learn() {
    let held = "whether the quality is that of scikit-learn";
    let Some(python) = pypi::python(&PACKAGES, held) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/quality.py");
    let output = Command::new(python).arg(script).stderr(Stdio::inherit()).output().expect("python starts");
    assert!(output.status.success(), "scikit-learn failed");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let classifications = found["classifications"].as_array().unwrap();
    assert_eq!(classifications.iter().filter(|case| case.get("binary").is_some()).count(), 3);
    classifications.iter().for_each(check_classification);
    let regressions = found["regressions"].as_array().unwrap();
    assert_eq!(regressions.len(), 3);
    regressions.iter().for_each(check_regression);
}

fn check_classification(case: &Value) {
    let declared = ModelDeclaration {
        labels: serde_json::from_value(case["labels"].clone()).unwrap(),
        ..ModelDeclaration::default()
    };
    let quality = counted(case, &declared, |row| class_of(row, &declared));
    let theirs = &case["numbers"];
    let name = &case["name"];
    for (field, ours) in [
        ("accuracy", quality.accuracy),
        ("micro_f1", quality.accuracy),
        ("macro_f1", quality.macro_f1),
        ("weighted_f1", quality.weighted_f1),
        ("log_loss", quality.log_loss),
    ] {
        assert_near(name, field, ours, &theirs[field]);
    }
    let top = quality.top_k_accuracy.iter().filter(|top| !theirs["top"][top.k.to_string()].is_null());
    let compared =
        top.map(|top| assert_near(name, "top", Some(top.accuracy), &theirs["top"][top.k.to_string()])).count();
    assert_eq!(compared, theirs["top"].as_object().unwrap().len(), "{name}");
    let Some(binary) = case.get("binary") else { return };
    let ours = quality.binary.unwrap();
    assert_eq!(ours.positive.as_ref(), declared.labels.last());
    assert_near(name, "auc", ours.auc, &binary["binned_auc"]);
    assert_near(name, "average_precision", ours.average_precision, &binary["binned_average_precision"]);
    assert_near(name, "brier", Some(ours.brier), &binary["brier"]);
    let apart = (ours.auc.unwrap() - binary["auc"].as_f64().unwrap()).abs();
    assert!(
        apart <= ours.auc_error.unwrap() + 1e-12,
        "{name}: the area is off by {apart}, and {:?} was said",
        ours.auc_error
    );
    // The trees of a forest give few different scores, which are really tied.
    assert!(ours.auc_error.unwrap() < 0.1, "{name}: {:?}", ours.auc_error);
    let of_class = &theirs["classes"][ours.positive.unwrap()];
    for (index, value) in [ours.precision, ours.recall, ours.f1].into_iter().enumerate() {
        assert_near(name, "precision, recall and F1", value, &of_class[index]);
    }
}

fn check_regression(case: &Value) {
    let declared = ModelDeclaration { tolerance: case["tolerance"].as_f64(), ..ModelDeclaration::default() };
    let number = |value: &Value| value.as_f64().unwrap();
    let value_of = |row: &Value| LabelledObservation::value(number(&row["predicted"]), number(&row["truth"]), 1.0);
    let quality = counted(case, &declared, value_of);
    assert_eq!((quality.accuracy, quality.classes.len(), quality.calibration_error), (None, 0, None));
    let ours = quality.regression.unwrap();
    let name = &case["name"];
    for (field, value) in
        [("mae", Some(ours.mae)), ("rmse", Some(ours.rmse)), ("bias", Some(ours.bias)), ("r2", ours.r2)]
    {
        assert_near(name, field, value, &case["numbers"][field]);
    }
    for (index, quantile) in
        [ours.error_p50, ours.error_p90, ours.error_p99].map(Option::unwrap).into_iter().enumerate()
    {
        assert_near(name, "quantile", Some(quantile), &case["binned_quantiles"][index]);
        let raw = number(&case["quantiles"][index]);
        assert!((quantile - raw).abs() <= raw * NUMBER_GRID_ERROR * (1.0 + 1e-9), "{name}: {quantile} for {raw}");
    }
    assert_near(name, "within", ours.within_tolerance, &case["binned_within"]);
    let [least, most] = [0, 1].map(|index| number(&case["within"][index]));
    assert!((least..=most).contains(&ours.within_tolerance.unwrap()), "{name}: {least} to {most}");
}

/// Counts the rows in parts, merges the parts out of order and through their JSON, and judges the sum.
fn counted(
    case: &Value,
    declared: &ModelDeclaration,
    observe: impl Fn(&Value) -> LabelledObservation,
) -> QualityReport {
    let mut parts = vec![WindowCounts::default(); PARTS];
    let mut whole = WindowCounts::default();
    for (index, row) in case["rows"].as_array().unwrap().iter().enumerate() {
        whole.predictions += 1;
        parts[index % PARTS].predictions += 1;
        whole.label(&observe(row), LabelSign::Add);
        parts[index % PARTS].label(&observe(row), LabelSign::Add);
    }
    let mut merged = WindowCounts::default();
    parts.iter().rev().for_each(|part| merged.merge(&WindowCounts::from_json(&part.to_json()).unwrap()));
    assert_eq!(merged, whole, "{}", case["name"]);
    merged.validate().unwrap();
    quality_by(declared, &merged, None)
}

fn class_of(row: &Value, declared: &ModelDeclaration) -> LabelledObservation {
    let scores: Vec<(String, f64)> = serde_json::from_value(row["scores"].clone()).unwrap();
    let [predicted, truth] = ["predicted", "truth"].map(|field| row[field].as_str().unwrap().to_owned());
    let place = scores.iter().position(|(class, _)| *class == truth).unwrap();
    let positive = declared.labels.last().filter(|_| declared.labels.len() == 2);
    let score_of = |class: &String| scores.iter().find(|(name, _)| name == class).unwrap().1;
    let outcome = ClassOutcome {
        confidence: Some(scores[0].1),
        truth_score: Some(TrueClassScore {
            probability: Some(scores[place].1),
            rank: u16::try_from(place + 1).unwrap(),
            ranked: u16::try_from(scores.len()).unwrap(),
            is_outside: false,
        }),
        positive: positive.map(|class| PositiveScore { class: class.clone(), score: score_of(class), other: None }),
        predicted,
        truth,
        is_outside: false,
    };
    LabelledObservation { lag_seconds: 1.0, outcome: LabelledOutcome::Class(outcome) }
}

fn assert_near(name: &Value, field: &str, ours: Option<f64>, theirs: &Value) {
    let theirs = theirs.as_f64().unwrap_or_else(|| panic!("{name}: {field} is missing"));
    let ours = ours.unwrap_or_else(|| panic!("{name}: {field} is not found here"));
    assert!((ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1.0), "{name}, {field}: {ours} here, {theirs} there");
}
