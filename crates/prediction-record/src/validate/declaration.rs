//! What a valid declaration is.

use std::collections::BTreeSet;

use super::features::{tag_key, tag_value};
use super::{InvalidRecord, MAX_LABEL_CHARS, MAX_NAME_CHARS, probability, spread, text};
use crate::{
    FeatureDeclaration, FeatureKind, MAX_CATEGORIES, MAX_FEATURES, MAX_TAG_VALUES, MAX_TAGS, ModelDeclaration,
};

/// Most labels that are declared.
const MAX_LABELS: usize = 10_000;

impl ModelDeclaration {
    /// Checks bounds, and that nothing contradicts itself.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn validate(&self) -> Result<(), InvalidRecord> {
        if let Some(owner) = &self.owner {
            text("owner", owner, MAX_NAME_CHARS)?;
        }
        names("labels", &self.labels, MAX_LABELS, MAX_LABEL_CHARS)?;
        if let Some(positive) = &self.positive {
            text("positive", positive, MAX_LABEL_CHARS)?;
            if !self.labels.is_empty() && !self.labels.contains(positive) {
                return Err(InvalidRecord::new("positive", "is none of the labels"));
            }
        }
        if let Some(tolerance) = self.tolerance {
            spread("tolerance", tolerance)?;
        }
        if self.features.len() > MAX_FEATURES {
            return Err(InvalidRecord::new("features", format!("has more than {MAX_FEATURES} entries")));
        }
        let mut seen = BTreeSet::new();
        for (i, feature) in self.features.iter().enumerate() {
            feature.validate(&format!("features[{i}]"))?;
            if !seen.insert(&feature.name) {
                return Err(InvalidRecord::new(format!("features[{i}].name"), "stands twice"));
            }
        }
        self.validate_declared_tags()?;
        self.validate_thresholds()?;
        match self.mute.as_ref().and_then(|mute| mute.reason.as_ref()) {
            Some(reason) => text("mute.reason", reason, MAX_LABEL_CHARS),
            None => Ok(()),
        }
    }

    fn validate_declared_tags(&self) -> Result<(), InvalidRecord> {
        if self.tags.len() > MAX_TAGS {
            return Err(InvalidRecord::new("tags", format!("has more than {MAX_TAGS} entries")));
        }
        for (key, values) in &self.tags {
            tag_key("tags", key)?;
            if values.len() > MAX_TAG_VALUES {
                return Err(InvalidRecord::new(
                    format!("tags.{key}"),
                    format!("has more than {MAX_TAG_VALUES} values"),
                ));
            }
            for value in values {
                tag_value(&format!("tags.{key}"), value)?;
            }
        }
        Ok(())
    }

    fn validate_thresholds(&self) -> Result<(), InvalidRecord> {
        for (name, value) in self.thresholds.named() {
            let Some(value) = value else { continue };
            let field = format!("thresholds.{name}");
            match name {
                "missing" | "accuracy" | "auc" => probability(&field, value)?,
                _ => spread(&field, value)?,
            }
        }
        let [warning, drift] = [self.thresholds.psi_warning, self.thresholds.psi_drift];
        match (warning, drift) {
            (Some(warning), Some(drift)) if warning > drift => {
                Err(InvalidRecord::new("thresholds.psi_warning", "must not be greater than psi_drift"))
            }
            _ => Ok(()),
        }
    }
}

impl FeatureDeclaration {
    fn validate(&self, field: &str) -> Result<(), InvalidRecord> {
        text(&format!("{field}.name"), &self.name, MAX_NAME_CHARS)?;
        names(&format!("{field}.categories"), &self.categories, MAX_CATEGORIES, MAX_LABEL_CHARS)?;
        match (self.kind, self.range) {
            (FeatureKind::Category, Some(_)) => Err(InvalidRecord::new(format!("{field}.range"), "belongs to numbers")),
            (FeatureKind::Number, _) if !self.categories.is_empty() => {
                Err(InvalidRecord::new(format!("{field}.categories"), "belong to the kind \"category\""))
            }
            (FeatureKind::Number, Some([least, greatest]))
                if !least.is_finite() || !greatest.is_finite() || least > greatest =>
            {
                Err(InvalidRecord::new(format!("{field}.range"), "must be two numbers, the least first"))
            }
            _ => Ok(()),
        }
    }
}

/// Names that are all different.
fn names(field: &str, names: &[String], most: usize, most_chars: usize) -> Result<(), InvalidRecord> {
    if names.len() > most {
        return Err(InvalidRecord::new(field, format!("has more than {most} entries")));
    }
    let mut seen = BTreeSet::new();
    for (i, name) in names.iter().enumerate() {
        text("", name, most_chars).map_err(|invalid| invalid.at(format!("{field}[{i}]")))?;
        if !seen.insert(name) {
            return Err(InvalidRecord::new(format!("{field}[{i}]"), "stands twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn refused(json: &str) -> String {
        serde_json::from_str::<ModelDeclaration>(json).unwrap().validate().unwrap_err().to_string()
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_its_name() {
        for (json, says) in [
            (r#"{"labels":["no","yes"],"positive":"maybe"}"#, "positive is none of the labels"),
            (
                r#"{"features":[{"name":"a","kind":"number"},{"name":"a","kind":"category"}]}"#,
                "features[1].name stands",
            ),
            (r#"{"features":[{"name":"a","kind":"category","range":[0,1]}]}"#, "features[0].range belongs"),
            (r#"{"features":[{"name":"a","kind":"number","range":[1,0]}]}"#, "features[0].range must be"),
            (r#"{"thresholds":{"psi_warning":0.5,"psi_drift":0.2}}"#, "thresholds.psi_warning must not"),
            (r#"{"thresholds":{"accuracy":2}}"#, "thresholds.accuracy must be between 0 and 1"),
            (r#"{"tags":{"a b":["x"]}}"#, "tags may contain letters"),
        ] {
            let problem = refused(json);
            assert!(problem.starts_with(says), "{json}: {problem}");
        }
        let whole = r#"{"task":"classification","owner":"risk","labels":["no","yes"],"positive":"yes",
            "features":[{"name":"age","kind":"number","range":[0,120],"keep":false},
                        {"name":"city","kind":"category","categories":["Paris","Rome"],"optional":true,"outside":"accept"}],
            "tags":{"region":["eu","us"]},"thresholds":{"psi_drift":0.4},"mute":{"until":"2026-12-01T00:00:00Z"}}"#;
        let declared = serde_json::from_str::<ModelDeclaration>(whole).unwrap();
        declared.validate().unwrap();
        let again = serde_json::to_string(&declared).unwrap();
        assert_eq!(serde_json::from_str::<ModelDeclaration>(&again).unwrap(), declared);
    }

    #[test]
    fn a_person_goes_before_the_file() {
        let read = |json| serde_json::from_str::<ModelDeclaration>(json).unwrap();
        let shipped = read(r#"{"owner":"file","positive":"yes","thresholds":{"psi_drift":0.3,"missing":0.1}}"#);
        let whole = read(r#"{"owner":"person","thresholds":{"psi_drift":0.4}}"#).over(shipped);
        let expected = r#"{"owner":"person","positive":"yes","thresholds":{"psi_drift":0.4,"missing":0.1}}"#;
        assert_eq!(whole, read(expected));
    }
}
