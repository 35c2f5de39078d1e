//! The numbers of a prediction whose distribution is watched.

use super::grid::{self, BinGrid};

/// A number of a prediction or of its input. The predicted class is not one of them, because it has names and no grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Probability of the predicted class.
    Confidence,
    /// Mean luma.
    Brightness,
    /// Standard deviation of luma.
    Contrast,
    /// Variance of the Laplacian of luma.
    Sharpness,
    /// Mean of the first channel.
    Mean0,
    /// Mean of the second channel.
    Mean1,
    /// Mean of the third channel.
    Mean2,
    /// Standard deviation of the first channel.
    Std0,
    /// Standard deviation of the second channel.
    Std1,
    /// Standard deviation of the third channel.
    Std2,
    /// Pixels from left to right.
    Width,
    /// Pixels from top to bottom.
    Height,
}

impl Feature {
    /// Every feature, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Confidence,
        Self::Brightness,
        Self::Contrast,
        Self::Sharpness,
        Self::Mean0,
        Self::Mean1,
        Self::Mean2,
        Self::Std0,
        Self::Std1,
        Self::Std2,
        Self::Width,
        Self::Height,
    ];
    /// The means of channels; a fourth channel (transparency) is not watched.
    pub const MEANS: [Self; 3] = [Self::Mean0, Self::Mean1, Self::Mean2];
    /// The standard deviations of channels.
    pub const STDS: [Self; 3] = [Self::Std0, Self::Std1, Self::Std2];

    /// The name in JSON and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confidence => "confidence",
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Sharpness => "sharpness",
            Self::Mean0 => "mean_0",
            Self::Mean1 => "mean_1",
            Self::Mean2 => "mean_2",
            Self::Std0 => "std_0",
            Self::Std1 => "std_1",
            Self::Std2 => "std_2",
            Self::Width => "width",
            Self::Height => "height",
        }
    }

    /// The feature with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.as_str() == name)
    }

    /// The position in [`Feature::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The bin of a value; `None` for a value that is not finite, which is not counted.
    pub fn bin(self, value: f64) -> Option<u16> {
        value.is_finite().then(|| self.grid().bin(value))
    }

    /// How many bins the feature's grid has.
    pub fn bins(self) -> u16 {
        self.grid().bins()
    }

    /// The grid's edges, one more than there are bins. The outermost bins also count the values beyond them.
    pub fn edges(self) -> &'static [f64] {
        self.grid().edges()
    }

    /// Where each bin's middle lies: in the feature's own unit, or in doublings for sharpness, width and height.
    pub fn positions(self) -> &'static [f64] {
        self.grid().positions()
    }

    /// How far a value of each bin may be from its middle, in the unit of [`Feature::positions`].
    pub fn half_widths(self) -> &'static [f64] {
        self.grid().half_widths()
    }

    fn grid(self) -> &'static BinGrid {
        match self {
            Self::Confidence => &grid::CONFIDENCE,
            Self::Sharpness => &grid::SHARPNESS,
            Self::Width | Self::Height => &grid::SIZE,
            Self::Brightness
            | Self::Contrast
            | Self::Mean0
            | Self::Mean1
            | Self::Mean2
            | Self::Std0
            | Self::Std1
            | Self::Std2 => &grid::UNIT,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn each_feature_stands_at_its_index_and_is_found_by_its_name() {
        for (index, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature.index(), index);
            assert_eq!(Feature::from_name(feature.as_str()), Some(feature));
        }
        assert_eq!(Feature::from_name("hue"), None);
    }

    #[test]
    fn what_is_not_finite_has_no_bin() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Feature::ALL.into_iter().all(|feature| feature.bin(value).is_none()));
        }
        assert_eq!(Feature::Brightness.bin(0.5), Some(64));
    }
}
