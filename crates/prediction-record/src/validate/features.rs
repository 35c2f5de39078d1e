//! The bounds of features and tags.

use super::{InvalidRecord, MAX_LABEL_CHARS, MAX_NAME_CHARS, text};
use crate::{FeatureValue, MAX_FEATURES, MAX_TAGS, PredictionRecord, Tags};

/// Most characters of a tag's value.
const MAX_TAG_CHARS: usize = 64;

impl PredictionRecord {
    pub(super) fn validate_features(&self) -> Result<(), InvalidRecord> {
        for (field, values) in [("features", &self.features), ("counted_features", &self.counted_features)] {
            // Of a category that may not be kept, nothing may be told but that there is one.
            let is_counted = field == "counted_features";
            if values.len() > MAX_FEATURES {
                return Err(InvalidRecord::new(field, format!("has more than {MAX_FEATURES} entries")));
            }
            for (name, value) in values.iter() {
                let at = |invalid: InvalidRecord| invalid.at(format!("{field}.{}", shown(name)));
                text("", name, MAX_NAME_CHARS).map_err(at)?;
                if let FeatureValue::Category(category) = value
                    && !(is_counted && category.is_empty())
                {
                    text("", category, MAX_LABEL_CHARS).map_err(at)?;
                }
            }
        }
        match self.counted_features.names().find(|name| self.features.contains(name)) {
            Some(name) => Err(InvalidRecord::new(format!("counted_features.{name}"), "is one of features as well")),
            None => Ok(()),
        }
    }

    pub(super) fn validate_tags(&self) -> Result<(), InvalidRecord> {
        validate_tags(&self.tags)
    }
}

/// Checks the tags of a record.
///
/// # Errors
/// There are too many of them, or one that is empty, too long or has other characters than it may have.
pub fn validate_tags(tags: &Tags) -> Result<(), InvalidRecord> {
    if tags.len() > MAX_TAGS {
        return Err(InvalidRecord::new("tags", format!("has more than {MAX_TAGS} entries")));
    }
    for (key, value) in tags {
        tag_key("", key).map_err(|invalid| invalid.at(format!("tags.{}", shown(key))))?;
        text("", value, MAX_TAG_CHARS).map_err(|invalid| invalid.at(format!("tags.{key}")))?;
    }
    Ok(())
}

/// A key that can stand in a query and in a header: letters, digits, `_` and `-`.
pub(super) fn tag_key(field: &str, key: &str) -> Result<(), InvalidRecord> {
    text(field, key, MAX_TAG_CHARS)?;
    if key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        Ok(())
    } else {
        Err(InvalidRecord::new(field, "may contain letters, digits, '_' and '-' only"))
    }
}

/// The value of a tag.
pub(super) fn tag_value(field: &str, value: &str) -> Result<(), InvalidRecord> {
    text(field, value, MAX_TAG_CHARS)
}

/// A name in a refusal, cut where it is too long.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(MAX_NAME_CHARS).collect()
}
