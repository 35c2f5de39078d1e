//! The counts of one window: all that is kept of its predictions, as whole numbers on fixed grids.
//!
//! Rule of thumb: counts are sums over rows. Nothing here depends on the order of the rows, on time or on other rows.

use prediction_record::{FeatureDeclaration, FeatureValues};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::confidence_units::units_above_edge;
use super::counts_error::CountsError;
use super::feature_counts::FeatureCounts;
use super::grid_version::{GridVersion, other_grid};
use super::{
    ClassCounts, Feature, LabelCounts, LabelSign, LabelledObservation, MAX_CLASSES, NamedCounts, Tally, ValueCounts,
};

/// Counts beyond this are refused: no real count is larger, and sums over all bins stay exact as floats.
const MOST_PREDICTIONS: u64 = 1 << 53;

/// The part of a prediction that is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observation<'a> {
    /// How many items of a request failed together; 0 for an answered prediction. Nothing else of failed ones is counted.
    pub failed: u64,
    /// The predicted class.
    pub label: Option<&'a str>,
    /// Its probability.
    pub confidence: Option<f64>,
    /// What the input looked like.
    pub input: Option<InputFeatures<'a>>,
    /// The number that a regression predicts.
    pub value: Option<f64>,
    /// The declared features that the log keeps.
    pub features: Option<&'a FeatureValues>,
    /// The declared features that it does not keep.
    pub counted_features: Option<&'a FeatureValues>,
}

/// What an input looked like; pixel values are scaled to 0..1.
#[derive(Clone, Copy, Debug, Default)]
pub struct InputFeatures<'a> {
    /// Mean luma.
    pub brightness: f64,
    /// Standard deviation of luma.
    pub contrast: f64,
    /// Variance of the Laplacian of luma.
    pub sharpness: f64,
    /// Mean of each channel.
    pub mean: &'a [f64],
    /// Standard deviation of each channel.
    pub std: &'a [f64],
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// The counts of one model in one window, or of any sum of windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WindowCounts {
    #[serde(rename = "g")]
    #[schema(value_type = u16, minimum = 1, maximum = 1)]
    grid: GridVersion,
    /// Predictions that were answered.
    #[serde(rename = "n", default)]
    pub predictions: u64,
    /// Predictions that failed.
    #[serde(rename = "e", default)]
    pub errors: u64,
    /// Answered predictions by class.
    #[serde(rename = "c", default)]
    pub classes: ClassCounts,
    /// Answered predictions by bin of each feature.
    #[serde(rename = "f", default)]
    #[schema(value_type = HashMap<String, Tally>)]
    features: FeatureCounts,
    /// Sum of the confidences in each bin of the confidence, in units of 2⁻³² above the bin's lower edge.
    #[serde(rename = "s", default)]
    confidence_sums: Tally,
    /// The declared features that the log keeps.
    #[serde(rename = "v", default, skip_serializing_if = "NamedCounts::is_empty")]
    pub named: NamedCounts,
    /// Answered predictions that have features which the log keeps.
    #[serde(rename = "vn", default, skip_serializing_if = "is_default")]
    pub named_rows: u64,
    /// The declared features that no row has, because they may not be kept. They cannot be counted anew.
    #[serde(rename = "u", default, skip_serializing_if = "NamedCounts::is_empty")]
    pub unkept: NamedCounts,
    /// Answered predictions that have such features.
    #[serde(rename = "un", default, skip_serializing_if = "is_default")]
    pub unkept_rows: u64,
    /// The numbers that a regression predicts.
    #[serde(rename = "y", default, skip_serializing_if = "is_default")]
    pub values: ValueCounts,
    /// The predictions whose true labels are known.
    #[serde(rename = "l", default, skip_serializing_if = "LabelCounts::is_empty")]
    pub labels: LabelCounts,
}

impl WindowCounts {
    /// Counts a prediction.
    pub fn observe(&mut self, observation: &Observation<'_>) {
        if observation.failed > 0 {
            self.errors = self.errors.saturating_add(observation.failed);
            return;
        }
        self.predictions += 1;
        if let Some(class) = observation.label {
            self.classes.add(class, 1);
        }
        if let Some((confidence, bin)) =
            observation.confidence.and_then(|confidence| Some((confidence, Feature::Confidence.bin(confidence)?)))
        {
            self.features.add(Feature::Confidence, bin, 1);
            self.confidence_sums.add(bin, units_above_edge(bin, confidence));
        }
        if let Some(input) = &observation.input {
            self.observe_input(input);
        }
        if let Some(value) = observation.value {
            self.values.add_number(value);
        }
        let kept = (&mut self.named, &mut self.named_rows, observation.features);
        let unkept = (&mut self.unkept, &mut self.unkept_rows, observation.counted_features);
        for (counts, rows, row) in [kept, unkept] {
            if let Some(row) = row.filter(|row| !row.is_empty()) {
                counts.observe(row);
                *rows += 1;
            }
        }
    }

    /// Counts a true label, or takes it back. A label is counted in the window of its prediction.
    pub fn label(&mut self, label: &LabelledObservation, sign: LabelSign) {
        self.labels.add(label, sign);
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
        self.predictions = self.predictions.saturating_add(other.predictions);
        self.errors = self.errors.saturating_add(other.errors);
        self.classes.merge(&other.classes);
        self.features.merge(&other.features);
        self.confidence_sums.merge(&other.confidence_sums);
        self.named.merge(&other.named);
        self.named_rows = self.named_rows.saturating_add(other.named_rows);
        self.unkept.merge(&other.unkept);
        self.unkept_rows = self.unkept_rows.saturating_add(other.unkept_rows);
        self.values.merge(&other.values);
        self.labels.merge(&other.labels);
    }

    /// Leaves of the features that may not be kept only what may be told of them.
    pub(crate) fn coarsen(&mut self, features: &[FeatureDeclaration]) {
        for feature in features.iter().filter(|feature| !feature.keep) {
            for counts in [self.named.remove(&feature.name), self.unkept.remove(&feature.name)].into_iter().flatten() {
                self.unkept.add(&feature.name, &counts.coarse(feature));
            }
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The counts of a feature by bin of its grid.
    pub fn feature(&self, feature: Feature) -> &Tally {
        self.features.get(feature)
    }

    /// Replaces the counts of a feature.
    pub(super) fn set_feature(&mut self, feature: Feature, counts: Tally) {
        self.features.set(feature, counts);
    }

    /// Sums of the confidences above the lower edges, by bin of the confidence.
    pub(super) fn confidence_sums(&self) -> &Tally {
        &self.confidence_sums
    }

    /// The compact JSON form.
    pub fn to_json(&self) -> String {
        // Maps with text keys and whole numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`CountsError`]: they are of another grid, unreadable or contradict themselves.
    pub fn from_json(text: &str) -> Result<Self, CountsError> {
        let counts: Self = serde_json::from_str(text).map_err(|problem| match other_grid(text) {
            Some(version) => CountsError::OtherGrid(version),
            None => CountsError::Unreadable(problem),
        })?;
        counts.check_bins()?;
        Ok(counts)
    }

    /// Checks that these can be the counts of predictions, as a reference has to be; counts of a difference need not.
    ///
    /// # Errors
    /// [`CountsError::Wrong`] says what contradicts what.
    pub fn validate(&self) -> Result<(), CountsError> {
        self.check_bins()?;
        let counted = || Feature::ALL.into_iter().map(|feature| self.feature(feature));
        if counted().any(|tally| tally.iter().any(|(_, count)| count < 0)) {
            return Err(CountsError::Wrong("a count is negative"));
        }
        if self.predictions > MOST_PREDICTIONS || self.errors > MOST_PREDICTIONS {
            return Err(CountsError::Wrong("there are more predictions than can be"));
        }
        if counted().any(|tally| tally.total().unsigned_abs() > self.predictions) {
            return Err(CountsError::Wrong("a feature is counted more often than there are predictions"));
        }
        if self.classes.total() > self.predictions {
            return Err(CountsError::Wrong("classes are counted more often than there are predictions"));
        }
        if self.classes.len() > MAX_CLASSES {
            return Err(CountsError::Wrong("there are too many classes"));
        }
        if self.named_rows.max(self.unkept_rows) > self.predictions {
            return Err(CountsError::Wrong("rows with features are counted more often than there are predictions"));
        }
        self.named.check(self.predictions)?;
        self.unkept.check(self.predictions)?;
        self.labels.check(self.predictions)?;
        self.values.check(self.predictions)
    }

    fn observe_input(&mut self, input: &InputFeatures<'_>) {
        let single = [
            (Feature::Brightness, input.brightness),
            (Feature::Contrast, input.contrast),
            (Feature::Sharpness, input.sharpness),
            (Feature::Width, f64::from(input.width)),
            (Feature::Height, f64::from(input.height)),
        ];
        let means = Feature::MEANS.into_iter().zip(input.mean.iter().copied());
        let stds = Feature::STDS.into_iter().zip(input.std.iter().copied());
        for (feature, value) in single.into_iter().chain(means).chain(stds) {
            if let Some(bin) = feature.bin(value) {
                self.features.add(feature, bin, 1);
            }
        }
    }

    /// Checks that every bin lies on its grid; any other would later be looked up outside of the grid.
    fn check_bins(&self) -> Result<(), CountsError> {
        let of_features = Feature::ALL.into_iter().map(|feature| (feature.bins(), self.feature(feature)));
        let all = of_features.chain([(Feature::Confidence.bins(), &self.confidence_sums)]);
        for (bins, tally) in all {
            if tally.last_bin().is_some_and(|last| last >= bins) {
                return Err(CountsError::Wrong("there is no such bin"));
            }
        }
        let named = self.named.iter().chain(self.unkept.iter()).map(|(_, counts)| counts);
        if named.chain([&self.values]).any(ValueCounts::leaves_the_grid) || self.labels.leaves_the_grid() {
            return Err(CountsError::Wrong("there is no such bin"));
        }
        Ok(())
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
