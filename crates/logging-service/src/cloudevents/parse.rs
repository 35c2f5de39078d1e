//! Reads events in the three modes in which they are posted: in headers, as one JSON object, as an array.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use prediction_record::ModelDeclaration;
use serde_json::{Map, Value};

use super::batch::{read_json, split_array};
use super::event::CloudEvent;
use super::event_kind::EventKind;
use super::gzip::GzipUnpacker;
use super::payload::{EventPayload, RequestBody};
use super::{EventError, MAX_ATTRIBUTE_CHARS, shortened};

/// The length of the JSON in front of binary tensors (the binary extension of V2): a header of HTTP, and its name as an
/// attribute of an event.
const HEADER_LENGTH: [&str; 2] = ["inference-header-content-length", "inferenceheadercontentlength"];

/// An event as it came, of which a request still has its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedEvent {
    /// The event.
    pub event: CloudEvent,
    /// The body of a request; it is not stored.
    body: Option<RequestBody>,
}

impl ParsedEvent {
    /// The event, whose request holds the features that the model declares, and no other numbers.
    #[must_use]
    pub fn with_features(self, declared: &ModelDeclaration) -> CloudEvent {
        let mut event = self.event;
        if let (EventPayload::Asked(facts), Some(body)) = (&mut event.payload, self.body) {
            facts.keep_features(&body, &declared.features);
        }
        event
    }
}

/// Reads the events of a request: binary, structured or batched mode, gzipped or not. Each event of a batch is read by
/// itself.
///
/// The payload's own content type is ignored, because KServe sends the request's with the response.
///
/// # Errors
/// [`EventError`] where the request carries no events, or no batch whose events can be told apart.
pub fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Result<ParsedEvent, EventError>>, EventError> {
    let mut unpacker = GzipUnpacker::new();
    match monitoring::media_type(headers).as_str() {
        "application/cloudevents+json" => {
            let json = unpacker.unpack(body)?;
            Ok(vec![read_structured(&json, &mut unpacker)])
        }
        "application/cloudevents-batch+json" => {
            let json = unpacker.unpack(body)?;
            let events = split_array(&json)?;
            Ok(events.into_iter().map(|event| read_structured(event, &mut unpacker)).collect())
        }
        _ if headers.contains_key("ce-specversion") => Ok(vec![read_binary(headers, body, &mut unpacker)]),
        _ => Err(EventError::NotACloudEvent),
    }
}

fn read_binary(headers: &HeaderMap, body: &[u8], unpacker: &mut GzipUnpacker) -> Result<ParsedEvent, EventError> {
    let attribute = |name: &'static str| read_header(headers, name);
    let plain = headers.get(HEADER_LENGTH[0]).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let json_length = plain.or(attribute(HEADER_LENGTH[1])?).and_then(|length| length.parse().ok());
    read_event(attribute, |kind| Ok(EventPayload::read(kind, &unpacker.unpack(body)?, json_length)))
}

fn read_structured(json: &[u8], unpacker: &mut GzipUnpacker) -> Result<ParsedEvent, EventError> {
    let Value::Object(mut envelope) = read_json(json)? else { return Err(EventError::NotAnObject) };
    let (data, packed) = (envelope.remove("data"), envelope.remove("data_base64"));
    let json_length = number_or_text(&envelope, HEADER_LENGTH[1]).and_then(|length| length.parse().ok());
    read_event(
        |name| match envelope.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            // Of the attributes that are read, this is the only one that may be an integer.
            Some(Value::Number(_)) if name == "statuscode" => Ok(number_or_text(&envelope, name)),
            Some(_) => Err(invalid(name, "is not a string")),
        },
        |kind| match (data, packed) {
            (_, Some(Value::String(text))) => {
                let bytes = STANDARD.decode(text).map_err(|_| EventError::Base64)?;
                Ok(EventPayload::read(kind, &unpacker.unpack(&bytes)?, json_length))
            }
            (_, Some(other)) if !other.is_null() => Err(invalid("data_base64", "is not a string")),
            // Senders that know only the content type text/plain put the JSON into a string.
            (Some(Value::String(text)), _) => Ok(EventPayload::read(kind, text.as_bytes(), json_length)),
            (Some(data), _) => Ok(EventPayload::from_value(kind, data)),
            (None, _) => Ok(EventPayload::read(kind, b"", json_length)),
        },
    )
}

fn read_event(
    attribute: impl Fn(&'static str) -> Result<Option<String>, EventError>,
    payload: impl FnOnce(EventKind) -> Result<(EventPayload, Option<RequestBody>), EventError>,
) -> Result<ParsedEvent, EventError> {
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
    let time = optional("time")?.map(|time| parse_time(&time)).transpose()?;
    let (id, source) = (required("id")?, required("source")?);
    let inference_service = optional("inferenceservicename")?;
    let [namespace, component, endpoint] = [optional("namespace")?, optional("component")?, optional("endpoint")?];
    let status_code = optional("statuscode")?.and_then(|code| code.parse().ok());
    let (payload, body) = payload(kind)?;
    let event =
        CloudEvent { id, source, kind, time, inference_service, namespace, component, endpoint, status_code, payload };
    Ok(ParsedEvent { event, body })
}

fn parse_time(text: &str) -> Result<Timestamp, EventError> {
    prediction_record::parse_time(text)
        .map_err(|problem| invalid("time", &format!("is not a time as in RFC 3339: {problem}")))
}

fn number_or_text(envelope: &Map<String, Value>, name: &str) -> Option<String> {
    match envelope.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
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
