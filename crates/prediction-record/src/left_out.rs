//! Members that are left out.
//!
//! Rule of thumb: `null` is what pandas writes where a cell has no value, so it says as much as a member that is not there.

use serde::de::{Deserialize, Deserializer};

/// Reads a member that stands for its default where it is left out or null, as pandas writes what is missing.
///
/// # Errors
/// The value is none of its type.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use crate::PredictionRecord;

    #[test]
    fn what_is_null_is_left_out() {
        let least: PredictionRecord = serde_json::from_str(r#"{"model":"m"}"#).unwrap();
        let all =
            serde_json::to_value(crate::PredictionRecord { model: "m".to_owned(), ..Default::default() }).unwrap();
        let optional = [
            "event_id",
            "request_id",
            "row_index",
            "items",
            "occurred_at",
            "version",
            "model_sha256",
            "variant",
            "status",
            "error_type",
            "task",
            "label",
            "class",
            "confidence",
            "value",
            "defect",
            "top",
            "latency_seconds",
            "decode_seconds",
            "queue_seconds",
            "inference_seconds",
            "trace_id",
            "span_id",
            "input_sha256",
            "input",
            "features",
            "counted_features",
            "tags",
            "schema_version",
        ];
        for member in all.as_object().unwrap().keys().filter(|member| *member != "model") {
            assert!(optional.contains(&member.as_str()), "{member}");
        }
        for member in optional {
            let record = format!(r#"{{"model":"m","{member}":null}}"#);
            assert_eq!(serde_json::from_str::<PredictionRecord>(&record).unwrap(), least, "{member}");
        }
    }
}
