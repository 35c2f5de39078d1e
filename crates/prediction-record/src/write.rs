//! Writing a record's JSON.
//!
//! Rule of thumb: a field that is absent is left out, `extra` comes last. Written by hand for the reason that `read.rs`
//! gives.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::PredictionRecord;

impl Serialize for PredictionRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        optional(&mut map, "event_id", self.event_id.as_ref())?;
        optional(&mut map, "request_id", self.request_id.as_ref())?;
        map.serialize_entry("row_index", &self.row_index)?;
        optional(&mut map, "occurred_at", self.occurred_at.as_ref())?;
        map.serialize_entry("model", &self.model)?;
        optional(&mut map, "version", self.version.as_ref())?;
        optional(&mut map, "model_sha256", self.model_sha256.as_ref())?;
        optional(&mut map, "variant", self.variant.as_ref())?;
        map.serialize_entry("status", &self.status)?;
        optional(&mut map, "error_type", self.error_type.as_ref())?;
        optional(&mut map, "label", self.label.as_ref())?;
        optional(&mut map, "class", self.class.as_ref())?;
        optional(&mut map, "confidence", self.confidence.as_ref())?;
        map.serialize_entry("defect", &self.defect)?;
        optional(&mut map, "top", Some(&self.top).filter(|top| !top.is_empty()))?;
        optional(&mut map, "latency_seconds", self.latency_seconds.as_ref())?;
        optional(&mut map, "decode_seconds", self.decode_seconds.as_ref())?;
        optional(&mut map, "queue_seconds", self.queue_seconds.as_ref())?;
        optional(&mut map, "inference_seconds", self.inference_seconds.as_ref())?;
        optional(&mut map, "trace_id", self.trace_id.as_ref())?;
        optional(&mut map, "span_id", self.span_id.as_ref())?;
        optional(&mut map, "input_sha256", self.input_sha256.as_ref())?;
        optional(&mut map, "input", self.input.as_ref())?;
        optional(&mut map, "schema_version", self.schema_version.as_ref())?;
        for (name, value) in &self.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn optional<M: SerializeMap>(map: &mut M, name: &str, value: Option<&impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}
