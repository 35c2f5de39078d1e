//! What is compared, as a reader sees it: each feature's bins with their names and shares.

use prediction_record::{NUMBER_BINS, number_bin_edges};

use super::bins::FrozenBins;
use super::compared::{ComparedFeature, compared_features};
use super::{ClassCounts, Feature, Tally, WindowCounts};

/// The bins in which a feature is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureBins {
    /// The feature's name in reports.
    pub feature: String,
    /// Its bins: ranges of numbers, then names, then what is missing.
    pub bins: Vec<ShownBin>,
}

/// A bin of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownBin {
    /// The values in it: `0.4 – 0.6`, `cat`, `others`, `missing`.
    pub name: String,
    /// The share of the reference, 0 to 1.
    pub reference: f64,
    /// The share of the window, 0 to 1.
    pub current: f64,
}

/// The bins of every feature of a comparison, in the order of its report.
pub fn shown_bins(reference: &WindowCounts, current: &WindowCounts) -> Vec<FeatureBins> {
    let compared = compared_features(reference, current);
    compared
        .iter()
        .map(|feature| FeatureBins { feature: feature.name.clone(), bins: bins(feature, reference) })
        .collect()
}

fn bins(feature: &ComparedFeature<'_>, reference: &WindowCounts) -> Vec<ShownBin> {
    let share = |counts: &[u64], bin: usize| {
        let whole: u64 = counts.iter().sum();
        if whole == 0 { 0.0 } else { counts.get(bin).copied().unwrap_or_default() as f64 / whole as f64 }
    };
    let mut names = names(feature, reference);
    names.resize(feature.bins.reference.len(), "missing".to_owned());
    let shown = |(bin, name)| ShownBin {
        name,
        reference: share(&feature.bins.reference, bin),
        current: share(&feature.bins.current, bin),
    };
    names.into_iter().enumerate().map(shown).collect()
}

/// The names of the bins but for the one of missing values, in the order in which they are compared.
fn names(feature: &ComparedFeature<'_>, reference: &WindowCounts) -> Vec<String> {
    if let Some(sides) = &feature.sides {
        let (then, now) = (&sides.reference, &sides.current);
        let mut names = Vec::new();
        if !then.numbers.is_empty() || !now.numbers.is_empty() {
            names = ranges(NUMBER_BINS, &then.numbers, number_bin_edges);
        }
        if !then.categories.is_empty() || !now.categories.is_empty() {
            names.extend(class_names(&then.categories));
        }
        return names;
    }
    match Feature::from_name(&feature.name) {
        Some(own) => ranges(own.bins(), reference.feature(own), |bin| {
            let edge = |place: usize| own.edges().get(place).copied().unwrap_or_default();
            [edge(usize::from(bin)), edge(usize::from(bin) + 1)]
        }),
        None => class_names(&reference.classes),
    }
}

fn class_names(classes: &ClassCounts) -> Vec<String> {
    classes.iter().map(|(class, _)| class.to_owned()).chain(["others".to_owned()]).collect()
}

fn ranges(bins: u16, reference: &Tally, edges: impl Fn(u16) -> [f64; 2]) -> Vec<String> {
    let frozen = FrozenBins::of(bins, reference);
    let mut begin = 0;
    let name = |end: &u16| {
        let ([lower, _], [_, upper]) = (edges(begin), edges(*end));
        let name = match (begin == 0, *end + 1 == bins) {
            (true, true) => "all".to_owned(),
            (true, false) => format!("< {}", rounded(upper)),
            (false, true) => format!("≥ {}", rounded(lower)),
            (false, false) => format!("{} – {}", rounded(lower), rounded(upper)),
        };
        begin = end.saturating_add(1);
        name
    };
    frozen.ends().iter().map(name).collect()
}

/// Three digits, and none that says nothing.
fn rounded(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return format!("{number}");
    }
    let exponent = number.abs().log10().floor();
    if !(-4.0..6.0).contains(&exponent) {
        return format!("{number:.2e}");
    }
    let digits = (2.0 - exponent).clamp(0.0, 6.0) as usize;
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use prediction_record::{FeatureValue, FeatureValues};

    use super::super::{InputFeatures, Observation};
    use super::*;

    fn window(rows: u32, bright: f64) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for row in 0..rows {
            let input = InputFeatures {
                brightness: bright + f64::from(row % 10) / 40.0,
                width: 32,
                height: 32,
                ..<_>::default()
            };
            let mut features = FeatureValues::from([("age".to_owned(), FeatureValue::Number(f64::from(row)))]);
            if row % 4 > 0 {
                features
                    .insert("city".to_owned(), FeatureValue::Category(["Ulm", "Bonn"][row as usize % 2].to_owned()));
            }
            let label = Some(if row % 3 == 0 { "cat" } else { "dog" });
            let observed = Observation { label, input: Some(input), features: Some(&features), ..<_>::default() };
            counts.observe(&observed);
        }
        counts
    }

    #[test]
    fn every_bin_has_a_name_and_the_shares_add_up_to_one() {
        let shown = shown_bins(&window(200, 0.1), &window(100, 0.5));
        for FeatureBins { feature, bins } in &shown {
            let sum = |share: fn(&ShownBin) -> f64| bins.iter().map(share).sum::<f64>();
            assert!(
                (sum(|bin| bin.reference) - 1.0).abs() < 1e-9 && (sum(|bin| bin.current) - 1.0).abs() < 1e-9,
                "{feature}"
            );
            assert!(bins.iter().all(|bin| !bin.name.is_empty()), "{feature}");
        }
        let names = |feature: &str| -> Vec<&str> {
            let found = shown.iter().find(|shown| shown.feature == feature).unwrap();
            found.bins.iter().map(|bin| bin.name.as_str()).collect()
        };
        assert_eq!(names("predicted_class"), ["cat", "dog", "others"]);
        assert_eq!(names("city"), ["Bonn", "Ulm", "others", "missing"]);
        assert_eq!(names("width"), ["< 32", "32 – 38.1", "≥ 38.1"]);
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.5, 1.0 / 3.0, 32.0, 1234.5, 1e-7, -0.25].map(rounded);
        assert_eq!(shown, ["0", "0.5", "0.333", "32", "1234", "1.00e-7", "-0.25"]);
    }
}
