//! Real data with drifts that are made: the statistics are those of scipy, on the same bins exactly, and on the raw
//! numbers within the error that each statistic states.
//!
//! Rule of thumb: scipy counts the raw numbers by itself; it only gets the edges of our bins.

use logging_service::analysis::bins::FrozenBins;
use logging_service::analysis::{
    FeatureDrift, MeasuredStatistic, Observation, Statistic, Tally, WindowCounts, compare,
};
use prediction_record::{FeatureValue, FeatureValues, NUMBER_BINS, number_bin, number_bin_edges, number_bin_middle};
use serde_json::{Value, json};
use testkit::pypi;

use crate::peers::{PACKAGES, TOLERANCE, ask};

/// One half of a data set: columns of numbers, and its classes where it has some.
struct DataHalf<'a> {
    columns: Vec<(String, Vec<f64>)>,
    classes: Vec<&'a str>,
}

impl<'a> DataHalf<'a> {
    fn of(set: &'a Value, side: &str) -> Self {
        let numbers = |feature: &Value| feature[side].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        let columns = set["features"].as_array().unwrap().iter();
        let named = |feature: &Value| (feature["name"].as_str().unwrap().to_owned(), numbers(feature));
        let classes = set["classes"][side].as_array().into_iter().flatten();
        Self { columns: columns.map(named).collect(), classes: classes.map(|name| name.as_str().unwrap()).collect() }
    }

    fn counts(&self) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for row in 0..self.columns[0].1.len() {
            let value = |(name, column): &(String, Vec<f64>)| (name.clone(), FeatureValue::Number(column[row]));
            let features: FeatureValues = self.columns.iter().map(value).collect();
            let label = self.classes.get(row).copied();
            counts.observe(&Observation { label, features: Some(&features), ..Observation::default() });
        }
        counts
    }
}

/// The bins on which a column was counted.
fn grid(reference: &[f64], current: &[f64]) -> Value {
    let mut tally = Tally::default();
    reference.iter().for_each(|number| tally.add(number_bin(*number).unwrap(), 1));
    let ranges: Vec<f64> =
        FrozenBins::of(NUMBER_BINS, &tally).ends().iter().map(|end| number_bin_edges(*end)[1]).collect();
    current.iter().for_each(|number| tally.add(number_bin(*number).unwrap(), 1));
    let occupied: Vec<u16> = tally.iter().map(|(bin, _)| bin).collect();
    json!({
        // The last range has no end.
        "ranges": ranges[..ranges.len() - 1],
        "lower": occupied.iter().map(|bin| number_bin_edges(*bin)[0]).collect::<Vec<_>>(),
        "middles": occupied.iter().map(|bin| number_bin_middle(*bin)).collect::<Vec<_>>(),
    })
}

#[test]
fn on_data_sets_the_statistics_are_those_of_scipy() {
    let held = "whether the statistics of real data are those of scipy";
    let Some(python) = pypi::python(&PACKAGES, held) else { return };
    let values = ask(&python, "datasets.py", &json!({}));
    let sets = values["sets"].as_array().unwrap();
    let halves: Vec<[DataHalf<'_>; 2]> =
        sets.iter().map(|set| ["reference", "current"].map(|side| DataHalf::of(set, side))).collect();
    let grids = halves.iter().map(|[then, now]| {
        then.columns.iter().zip(&now.columns).map(|(then, now)| grid(&then.1, &now.1)).collect::<Vec<_>>()
    });
    let theirs = ask(&python, "datasets.py", &json!({ "grids": grids.collect::<Vec<_>>() }));
    assert_eq!(halves.len(), 5);
    for ([then, now], theirs) in halves.iter().zip(theirs["sets"].as_array().unwrap()) {
        let report = compare(&then.counts(), &now.counts());
        let set = &theirs["name"];
        let of = |name: &str| report.features.iter().find(|feature| feature.feature == name).unwrap();
        for ((name, _), theirs) in then.columns.iter().zip(theirs["features"].as_array().unwrap()) {
            check(&format!("{set} {name}"), of(name), theirs);
        }
        if !then.classes.is_empty() {
            check(&format!("{set} classes"), of("predicted_class"), &theirs["classes"]);
        }
    }
}

fn check(what: &str, ours: &FeatureDrift, theirs: &Value) {
    for MeasuredStatistic { statistic, value, grid_error, .. } in &ours.statistics {
        let name = statistic.as_str();
        let binned = &theirs["binned"][name];
        let binned = binned.as_f64().unwrap_or_else(|| panic!("{what}: {name} is missing"));
        assert!((value - binned).abs() <= TOLERANCE, "{what}: {name} is {value} here, {binned} there");
        if let Some(raw) = theirs["raw"][name].as_f64() {
            let error = grid_error.unwrap();
            assert!((value - raw).abs() <= error + TOLERANCE, "{what}: {name} {value}, raw {raw}, error {error}");
            // A bound that says nothing would hold as well.
            assert!(*statistic != Statistic::Wasserstein || error < 0.1, "{what}: the error {error} is large");
        }
    }
}
