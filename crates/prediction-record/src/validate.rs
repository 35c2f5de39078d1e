//! What a valid record is. Every string has a bound, every number a range.

mod declaration;
mod features;

pub use features::validate_tags;

use crate::{InputSummary, PredictionRecord, Score, Status, Task};

/// Most characters of a model's name or version.
pub const MAX_NAME_CHARS: usize = 128;
/// Most characters of a label or an error type.
pub const MAX_LABEL_CHARS: usize = 256;
/// Most characters of a request id.
pub const MAX_ID_CHARS: usize = 128;
/// Most items that one record stands for.
const MAX_ITEMS: u32 = 65_536;
/// The longest time that something may have taken. Means are made of sums, in which a longer one would hide all others.
const MAX_SECONDS: f64 = 1e9;
/// Most entries of `top`.
pub const MAX_TOP: usize = 100;
/// Most channels of an input.
pub const MAX_CHANNELS: usize = 4;
/// Most bytes of the unknown fields together, as JSON.
pub const MAX_EXTRA_BYTES: usize = 4096;

/// Why a record is refused: the field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct InvalidRecord {
    /// Path of the field within the record, such as `top[2].confidence`.
    pub field: String,
    /// What is wrong, readable behind the field's name.
    pub problem: String,
}

impl InvalidRecord {
    fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }

    fn at(self, field: String) -> Self {
        Self { field, ..self }
    }
}

/// Checks the name of a model.
///
/// # Errors
/// It is empty, too long, or has other characters than letters, digits, `.`, `_` and `-`.
pub fn validate_model_name(model: &str) -> Result<(), InvalidRecord> {
    name("model", model)
}

impl PredictionRecord {
    /// Checks required fields, bounds and ranges.
    ///
    /// # Errors
    /// The first field that is missing or out of bounds.
    pub fn validate(&self) -> Result<(), InvalidRecord> {
        name("model", &self.model)?;
        if let Some(version) = &self.version {
            name("version", version)?;
        }
        if let Some(id) = &self.request_id {
            text("request_id", id, MAX_ID_CHARS)?;
        }
        self.validate_items()?;
        match self.status {
            Status::Success => self.validate_success()?,
            Status::Error => self.validate_error()?,
        }
        if let Some(variant) = &self.variant {
            name("variant", variant)?;
        }
        for (field, id, digits) in [
            ("model_sha256", &self.model_sha256, 64),
            ("trace_id", &self.trace_id, 32),
            ("span_id", &self.span_id, 16),
            ("input_sha256", &self.input_sha256, 64),
        ] {
            if let Some(id) = id {
                hex(field, id, digits)?;
            }
        }
        if let Some(input) = &self.input {
            input.validate()?;
        }
        self.validate_top()?;
        self.validate_features()?;
        self.validate_tags()?;
        for (field, seconds) in [
            ("latency_seconds", self.latency_seconds),
            ("decode_seconds", self.decode_seconds),
            ("queue_seconds", self.queue_seconds),
            ("inference_seconds", self.inference_seconds),
        ] {
            if seconds.is_some_and(|s| !(0.0..=MAX_SECONDS).contains(&s)) {
                return Err(InvalidRecord::new(field, format!("must be a number of seconds from 0 to {MAX_SECONDS}")));
            }
        }
        self.validate_extra()
    }

    /// Only what was refused or failed stands for several items, because each answer is a record of its own.
    fn validate_items(&self) -> Result<(), InvalidRecord> {
        match self.items {
            Some(items) if !(1..=MAX_ITEMS).contains(&items) => {
                Err(InvalidRecord::new("items", format!("must be a whole number from 1 to {MAX_ITEMS}")))
            }
            Some(items) if items > 1 && self.status == Status::Success => {
                Err(InvalidRecord::new("items", "above 1 belongs to status \"error\" only"))
            }
            _ => Ok(()),
        }
    }

    fn validate_success(&self) -> Result<(), InvalidRecord> {
        if self.error_type.is_some() {
            return Err(InvalidRecord::new("error_type", "belongs to status \"error\" only"));
        }
        match self.task {
            Task::Classification => {
                let Some(label) = &self.label else {
                    return Err(InvalidRecord::new("label", "is missing"));
                };
                text("label", label, MAX_LABEL_CHARS)?;
                if let Some(confidence) = self.confidence {
                    probability("confidence", confidence)?;
                }
            }
            Task::Regression if self.value.is_none() => return Err(InvalidRecord::new("value", "is missing")),
            Task::Regression | Task::Raw => {}
        }
        self.validate_task()
    }

    /// Only a classification has classes.
    fn validate_task(&self) -> Result<(), InvalidRecord> {
        if let Some(value) = self.value {
            finite("value", value)?;
        }
        let is_class = self.label.is_some() || self.confidence.is_some() || self.class.is_some() || self.defect;
        if self.task != Task::Classification && (is_class || !self.top.is_empty()) {
            let problem = format!(
                "and what belongs to it are those of a classification, not of the task {:?}",
                self.task.as_str()
            );
            return Err(InvalidRecord::new("label", problem));
        }
        Ok(())
    }

    fn validate_error(&self) -> Result<(), InvalidRecord> {
        if let Some(error_type) = &self.error_type {
            text("error_type", error_type, MAX_LABEL_CHARS)?;
        }
        if let Some(label) = &self.label {
            text("label", label, MAX_LABEL_CHARS)?;
        }
        if let Some(confidence) = self.confidence {
            probability("confidence", confidence)?;
        }
        Ok(())
    }

    fn validate_top(&self) -> Result<(), InvalidRecord> {
        if self.top.len() > MAX_TOP {
            return Err(InvalidRecord::new("top", format!("has more than {MAX_TOP} entries")));
        }
        for (i, Score { label, confidence, .. }) in self.top.iter().enumerate() {
            // The path of the field is only made for an invalid one, because most records are valid.
            text("", label, MAX_LABEL_CHARS).map_err(|invalid| invalid.at(format!("top[{i}].label")))?;
            probability("", *confidence).map_err(|invalid| invalid.at(format!("top[{i}].confidence")))?;
        }
        Ok(())
    }

    fn validate_extra(&self) -> Result<(), InvalidRecord> {
        if self.extra.is_empty() {
            return Ok(());
        }
        // Serialising a map of JSON values to a string cannot fail.
        let bytes = serde_json::to_string(&self.extra).map_or(usize::MAX, |json| json.len());
        if bytes > MAX_EXTRA_BYTES {
            let field = self.extra.keys().next().cloned().unwrap_or_default();
            return Err(InvalidRecord::new(
                field,
                format!("and the other unknown fields take more than {MAX_EXTRA_BYTES} bytes"),
            ));
        }
        Ok(())
    }
}

impl InputSummary {
    fn validate(&self) -> Result<(), InvalidRecord> {
        for (field, side) in [("input.width", self.width), ("input.height", self.height)] {
            if side == 0 {
                return Err(InvalidRecord::new(field, "must be 1 or more"));
            }
        }
        for (field, channels) in [("input.mean", &self.mean), ("input.std", &self.std)] {
            if !(1..=MAX_CHANNELS).contains(&channels.len()) {
                return Err(InvalidRecord::new(field, format!("must have 1 to {MAX_CHANNELS} numbers, one a channel")));
            }
        }
        if self.mean.len() != self.std.len() {
            return Err(InvalidRecord::new("input.std", "must have as many numbers as input.mean"));
        }
        // A tensor may hold values that no picture has, so its means may be any number. A variance or a deviation may not.
        finite("input.brightness", self.brightness)?;
        spread("input.contrast", self.contrast)?;
        spread("input.sharpness", self.sharpness)?;
        for (i, (mean, std)) in self.mean.iter().zip(&self.std).enumerate() {
            finite("", *mean).map_err(|invalid| invalid.at(format!("input.mean[{i}]")))?;
            spread("", *std).map_err(|invalid| invalid.at(format!("input.std[{i}]")))?;
        }
        Ok(())
    }
}

/// A name that is also a folder, a URL segment and a label value: letters, digits, `.`, `_`, `-`.
fn name(field: &str, value: &str) -> Result<(), InvalidRecord> {
    text(field, value, MAX_NAME_CHARS)?;
    if value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
        Ok(())
    } else {
        Err(InvalidRecord::new(field, "may contain letters, digits, '.', '_' and '-' only"))
    }
}

fn text(field: &str, value: &str, max_chars: usize) -> Result<(), InvalidRecord> {
    // Most texts are short ASCII, and a record has hundreds of them.
    let is_plain =
        !value.is_empty() && value.len() <= max_chars && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_plain {
        Ok(())
    } else if value.is_empty() {
        Err(InvalidRecord::new(field, "is empty"))
    } else if value.chars().count() > max_chars {
        Err(InvalidRecord::new(field, format!("has more than {max_chars} characters")))
    } else if value.chars().any(char::is_control) {
        Err(InvalidRecord::new(field, "contains a control character"))
    } else {
        Ok(())
    }
}

fn probability(field: &str, value: f64) -> Result<(), InvalidRecord> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(InvalidRecord::new(field, "must be between 0 and 1")) }
}

fn finite(field: &str, value: f64) -> Result<(), InvalidRecord> {
    if value.is_finite() { Ok(()) } else { Err(InvalidRecord::new(field, "must be a number")) }
}

fn spread(field: &str, value: f64) -> Result<(), InvalidRecord> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(InvalidRecord::new(field, "must be a number, 0 or more"))
    }
}

fn hex(field: &str, value: &str, digits: usize) -> Result<(), InvalidRecord> {
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if value.len() == digits && value.bytes().all(lower_hex) {
        Ok(())
    } else {
        Err(InvalidRecord::new(field, format!("must be {digits} lower-case hexadecimal digits")))
    }
}

#[cfg(test)]
mod tests;
