//! What may be counted of a value that may not be kept.
//!
//! Rule of thumb: a number is known by its bin, and a name only where it was declared, because only then it tells nothing
//! that the declaration does not.

use crate::{FeatureDeclaration, FeatureKind, FeatureValue, number_bin, number_bin_middle};

impl FeatureValue {
    /// A category of which no more is told than that there is one.
    #[must_use]
    pub fn unnamed() -> Self {
        Self::Category(String::new())
    }

    /// What may be counted of a value that may not be kept where nothing is declared of its feature: of a number the middle
    /// of its bin, and of a category that there is one.
    #[must_use]
    pub fn coarse(&self) -> Self {
        match self {
            Self::Number(number) => {
                number_bin(*number).map_or(Self::Missing, |bin| Self::Number(number_bin_middle(bin)))
            }
            Self::Category(_) => Self::unnamed(),
            Self::Missing => Self::Missing,
        }
    }
}

impl FeatureDeclaration {
    /// What may be counted of a value of this feature if it may not be kept: of a number the middle of its bin, and of
    /// categories those that are declared. A number that is sent as a text, and any other text, is a category without a
    /// name.
    #[must_use]
    pub fn coarse(&self, value: &FeatureValue) -> FeatureValue {
        match (self.kind, value) {
            (FeatureKind::Category, FeatureValue::Category(name)) => self.named(name),
            (FeatureKind::Category, FeatureValue::Number(number)) => self.named(&number.to_string()),
            (FeatureKind::Number, _) | (_, FeatureValue::Missing) => value.coarse(),
        }
    }

    fn named(&self, name: &str) -> FeatureValue {
        if self.categories.iter().any(|declared| declared == name) {
            FeatureValue::Category(name.to_owned())
        } else {
            FeatureValue::unnamed()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn coarse(declared: &str, value: &str) -> String {
        let feature: FeatureDeclaration = serde_json::from_str(declared).unwrap();
        let coarse = feature.coarse(&serde_json::from_str(value).unwrap());
        // What is coarse already stays as it is, because it may be made so by the sender and again by the log.
        assert_eq!(feature.coarse(&coarse), coarse, "{declared}: {value}");
        serde_json::to_string(&coarse).unwrap()
    }

    #[test]
    fn only_what_the_declaration_tells_is_told() {
        let number = r#"{"name": "pay", "kind": "number"}"#;
        let named = r#"{"name": "city", "kind": "category", "categories": ["Rome", "7"]}"#;
        let free = r#"{"name": "city", "kind": "category"}"#;
        for (declared, value, expected) in [
            (number, "1234.5678", "1236.0"),
            (number, "7", "7.015625"),
            (number, "null", "null"),
            (number, "\"1234.5678\"", "\"\""),
            (named, "\"Rome\"", "\"Rome\""),
            (named, "7.0", "\"7\""),
            (named, "\"Oslo\"", "\"\""),
            (named, "8", "\"\""),
            (free, "\"Rome\"", "\"\""),
            (free, "null", "null"),
        ] {
            assert_eq!(coarse(declared, value), expected, "{declared}: {value}");
        }
    }
}
