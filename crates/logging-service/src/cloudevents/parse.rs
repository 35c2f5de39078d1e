//! Reads events in the three modes in which they are posted: in headers, as one JSON object, as an array.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::event::{CloudEvent, unreadable};
use super::event_kind::EventKind;
use super::gzip::GzipUnpacker;
use super::payload::EventPayload;
use super::{EventError, MAX_ATTRIBUTE_CHARS, MAX_EVENTS, shortened};

/// Reads the events of a request: binary, structured or batched mode, gzipped or not.
///
/// The payload's own content type is ignored, because KServe sends the request's with the response.
///
/// # Errors
/// [`EventError`]; one bad event of a batch refuses the batch.
pub fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Vec<CloudEvent>, EventError> {
    let mut unpacker = GzipUnpacker::new();
    match monitoring::media_type(headers).as_str() {
        "application/cloudevents+json" => {
            let event = serde_json::from_slice(&unpacker.unpack(body)?).map_err(|error| unreadable(&error))?;
            Ok(vec![read_structured(&event, &mut unpacker)?])
        }
        "application/cloudevents-batch+json" => {
            let events: Vec<Value> =
                serde_json::from_slice(&unpacker.unpack(body)?).map_err(|error| unreadable(&error))?;
            if events.len() > MAX_EVENTS {
                return Err(EventError::TooManyEvents);
            }
            events.iter().map(|event| read_structured(event, &mut unpacker)).collect()
        }
        _ if headers.contains_key("ce-specversion") => {
            let attribute = |name: &'static str| read_header(headers, name);
            Ok(vec![read_event(attribute, |kind| Ok(EventPayload::from_slice(kind, &unpacker.unpack(body)?)))?])
        }
        _ => Err(EventError::NotACloudEvent),
    }
}

fn read_structured(envelope: &Value, unpacker: &mut GzipUnpacker) -> Result<CloudEvent, EventError> {
    let attribute = |name: &'static str| match envelope.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(name, "is not a string")),
    };
    read_event(attribute, |kind| match (envelope.get("data"), envelope.get("data_base64")) {
        (_, Some(Value::String(text))) => {
            let bytes = STANDARD.decode(text).map_err(|_| EventError::Base64)?;
            Ok(EventPayload::from_slice(kind, &unpacker.unpack(&bytes)?))
        }
        (_, Some(other)) if !other.is_null() => Err(invalid("data_base64", "is not a string")),
        // Senders that know only the content type text/plain put the JSON into a string.
        (Some(Value::String(text)), _) => Ok(EventPayload::from_slice(kind, text.as_bytes())),
        (Some(data), _) => Ok(EventPayload::from_value(kind, data)),
        (None, _) => Ok(EventPayload::from_slice(kind, b"")),
    })
}

fn read_event(
    attribute: impl Fn(&'static str) -> Result<Option<String>, EventError>,
    payload: impl FnOnce(EventKind) -> Result<EventPayload, EventError>,
) -> Result<CloudEvent, EventError> {
    let optional = |name| match attribute(name)? {
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => check_attribute(name, text).map(Some),
        None => Ok(None),
    };
    let required = |name| optional(name)?.ok_or(EventError::MissingAttribute(name));
    let version = required("specversion")?;
    if version != "1" && !version.starts_with("1.") {
        return Err(EventError::UnsupportedVersion(version));
    }
    let kind = EventKind::of_type(&required("type")?)?;
    let time = optional("time")?.map(|time| time.parse::<Timestamp>()).transpose();
    Ok(CloudEvent {
        id: required("id")?,
        source: required("source")?,
        kind,
        time: time.map_err(|_| invalid("time", "is not a time as in RFC 3339"))?,
        inference_service: optional("inferenceservicename")?,
        namespace: optional("namespace")?,
        component: optional("component")?,
        endpoint: optional("endpoint")?,
        payload: payload(kind)?,
    })
}

fn check_attribute(name: &'static str, text: String) -> Result<String, EventError> {
    if text.chars().count() > MAX_ATTRIBUTE_CHARS {
        Err(invalid(name, &format!("has more than {MAX_ATTRIBUTE_CHARS} characters")))
    } else if text.chars().any(char::is_control) {
        Err(invalid(name, "contains a control character"))
    } else {
        Ok(text)
    }
}

fn read_header(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, EventError> {
    let Some(value) = headers.get(format!("ce-{name}")) else { return Ok(None) };
    decode_percent(value.as_bytes()).map(Some).ok_or_else(|| invalid(name, "is not UTF-8"))
}

/// Decodes a header value, which is percent-encoded (CloudEvents, HTTP binding 3.1.3.2). A `%` that encodes nothing stays.
fn decode_percent(mut rest: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&first, behind)) = rest.split_first() {
        let digit = |i: usize| behind.get(i).and_then(|&byte| char::from(byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn invalid(name: &'static str, problem: &str) -> EventError {
    EventError::InvalidAttribute { name, problem: shortened(problem, 200) }
}
