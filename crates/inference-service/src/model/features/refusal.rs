//! Why a value of a feature is refused.

monitoring::label_enum! {
    /// What is wrong with a value of a feature.
    pub(crate) enum RefusalReason: "reason" {
        /// The feature is not optional, and has no value.
        Missing = "missing",
        /// The value is no number, or no category, or none that the model's input can hold.
        Type = "type",
        /// The number lies outside of the declared range.
        OutOfRange = "out_of_range",
        /// The category is none of those that are declared.
        UnknownCategory = "unknown_category",
    }
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FeatureRefusal {
    pub(crate) reason: RefusalReason,
    /// A text that goes behind the feature's name.
    pub(crate) problem: String,
}

impl RefusalReason {
    /// What is wrong, without the value: a text that goes behind the feature's name.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Type => "is not of the type that the model takes",
            Self::OutOfRange => "is out of its range",
            Self::UnknownCategory => "is none of the declared categories",
        }
    }

    /// The reason of this word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        <Self as monitoring::LabelEnum>::ALL
            .iter()
            .copied()
            .find(|reason| monitoring::LabelEnum::as_str(*reason) == word)
    }
}

impl FeatureRefusal {
    pub(crate) fn new(reason: RefusalReason, problem: impl Into<String>) -> Self {
        Self { reason, problem: problem.into() }
    }
}
