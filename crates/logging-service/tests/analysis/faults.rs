//! What is wrong with the values of features by themselves, and how rarely that is said where nothing is.

use logging_service::analysis::{
    DriftRules, FALSE_ALARM_RATE, FaultKind, FeatureFault, Observation, WindowCounts, compare_by,
};
use prediction_record::{FeatureValue, FeatureValues, ModelDeclaration};

/// A customer as most are.
fn row(random: &mut fastrand::Rng) -> FeatureValues {
    let city = ["Paris", "Lyon", "Nice", "Lille", "Brest"][(random.f64().powi(3) * 5.0) as usize];
    let income = match random.f64() < 0.02 {
        true => FeatureValue::Missing,
        // Incomes have a heavy tail.
        false => FeatureValue::Number(20_000.0 / (1.0 - random.f64()).powf(0.7)),
    };
    FeatureValues::from([
        ("age".to_owned(), FeatureValue::Number(f64::from(random.u32(18..80)))),
        ("city".to_owned(), FeatureValue::Category(city.to_owned())),
        ("income".to_owned(), income),
    ])
}

fn window(seed: u64, rows: usize, change: impl Fn(usize, &mut FeatureValues)) -> WindowCounts {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut counts = WindowCounts::default();
    for number in 0..rows {
        let mut features = row(&mut random);
        change(number, &mut features);
        counts.observe(&Observation { features: Some(&features), ..Observation::default() });
    }
    counts
}

fn usual(_: usize, _: &mut FeatureValues) {}

/// The faults of a day that is watched, by feature.
fn found(declared: &str, current: &WindowCounts) -> Vec<(String, FeatureFault)> {
    let declaration: ModelDeclaration = serde_json::from_str(declared).unwrap();
    let rules = DriftRules::watched(86_400.0).of_model(Some(&declaration));
    let report = compare_by(&rules, &window(1, 5_000, usual), current);
    let faults = report.features.into_iter().flat_map(|feature| {
        let faults = feature.faults.into_iter().filter(|fault| fault.is_fault);
        faults.map(move |fault| (feature.feature.clone(), fault)).collect::<Vec<_>>()
    });
    faults.collect()
}

/// The names of the faults.
fn named(declared: &str, current: &WindowCounts) -> Vec<(String, FaultKind)> {
    found(declared, current).into_iter().map(|(feature, fault)| (feature, fault.fault)).collect()
}

fn set(name: &'static str, every: usize, value: FeatureValue) -> impl Fn(usize, &mut FeatureValues) {
    move |number, row| {
        if number % every == 0 {
            row.insert(name.to_owned(), value.clone());
        }
    }
}

#[test]
fn each_fault_is_found_and_only_that() {
    assert_eq!(named("{}", &window(2, 2_000, usual)), []);
    let cases = [
        (window(3, 2_000, set("income", 10, FeatureValue::Missing)), "income", FaultKind::Missing),
        (window(4, 2_000, set("age", 20, FeatureValue::Number(-1.0))), "age", FaultKind::OutOfRange),
        (window(5, 2_000, set("city", 30, FeatureValue::Category("Ur".into()))), "city", FaultKind::Unseen),
        (window(6, 2_000, set("age", 1, FeatureValue::Number(40.0))), "age", FaultKind::Constant),
        (window(7, 2_000, set("city", 1, FeatureValue::Category("Lyon".into()))), "city", FaultKind::Constant),
    ];
    for (current, feature, fault) in cases {
        assert_eq!(named("{}", &current), [(feature.to_owned(), fault)]);
    }
}

#[test]
fn a_column_that_disappears_is_missing() {
    let current = window(8, 500, |_, row| {
        row.remove("age");
    });
    let faults = found("{}", &current);
    assert_eq!((faults[0].0.as_str(), faults[0].1.fault, faults[0].1.share), ("age", FaultKind::Missing, 1.0));
    assert_eq!(faults.len(), 1);
}

#[test]
fn what_is_declared_goes_before_the_reference() {
    let tenth = window(9, 2_000, set("income", 10, FeatureValue::Missing));
    assert_eq!(named(r#"{"thresholds":{"missing":0.2}}"#, &tenth), []);
    assert_eq!(named(r#"{"thresholds":{"missing":0.05}}"#, &tenth).len(), 1);
    let old = window(10, 2_000, set("age", 20, FeatureValue::Number(90.0)));
    assert_eq!(named("{}", &old).len(), 1);
    assert_eq!(named(r#"{"features":[{"name":"age","kind":"number","range":[0,120]}]}"#, &old), []);
    let ur = window(11, 2_000, set("city", 20, FeatureValue::Category("Ur".into())));
    let cities =
        r#"{"features":[{"name":"city","kind":"category","categories":["Paris","Lyon","Nice","Lille","Brest","Ur"]}]}"#;
    assert_eq!(named(cities, &ur), []);
}

#[test]
fn a_number_in_the_bin_of_a_bound_is_told_as_an_error() {
    // 120.4 shares its bin with 120, the end of the declared range.
    let current = window(12, 1_000, set("age", 4, FeatureValue::Number(120.4)));
    let declaration = r#"{"features":[{"name":"age","kind":"number","range":[0,120]}]}"#;
    let declaration: ModelDeclaration = serde_json::from_str(declaration).unwrap();
    let rules = DriftRules::once().of_model(Some(&declaration));
    let report = compare_by(&rules, &window(1, 5_000, usual), &current);
    let age = report.features.iter().find(|feature| feature.feature == "age").unwrap();
    let range = age.faults.iter().find(|fault| fault.fault == FaultKind::OutOfRange).unwrap();
    assert_eq!((range.share, range.share_error), (0.0, 0.25));
}

#[test]
fn without_a_fault_none_is_called() {
    const REPETITIONS: u32 = 400;
    for (m, n) in [(200, 100), (1_000, 500), (1_000, 3_000)] {
        let mut raised = 0;
        for repetition in 0..u64::from(REPETITIONS) {
            let reference = window(2 * repetition, m, usual);
            let current = window(2 * repetition + 1, n, usual);
            let report = compare_by(&DriftRules::once(), &reference, &current);
            // Without the excess that a fault needs besides, which few windows have.
            let by_chance = |fault: &FeatureFault| fault.p_value < report.fault_alpha;
            raised += u32::from(report.features.iter().flat_map(|feature| &feature.faults).any(by_chance));
        }
        eprintln!("{n} rows against {m}: {raised} of {REPETITIONS} windows");
        let expected = FALSE_ALARM_RATE * f64::from(REPETITIONS);
        assert!(f64::from(raised) <= expected + 2.0 * expected.sqrt(), "{raised} of {REPETITIONS}");
    }
}
