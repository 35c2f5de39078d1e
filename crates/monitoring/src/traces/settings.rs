//! The settings of traces, from the environment variables that OpenTelemetry defines for all programs.
//!
//! Rule of thumb: variables that the exporter reads by itself (its timeout and headers, the batches' size and delay) are not
//! read here. A value that would be ignored silently is refused.

use super::error::TracesError;
use super::sampler::TraceSampler;
use super::variable::variable;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const QUEUE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
const QUEUE_DEFAULT: usize = 2048;
/// The least holds all spans of a few requests.
const QUEUE_SIZES: std::ops::RangeInclusive<usize> = 32..=1_000_000;

/// How spans are exported.
pub(super) struct TraceSettings {
    /// The collector's address, as the variable has it.
    pub(super) endpoint: String,
    pub(super) sampler: TraceSampler,
    /// How many spans may wait.
    pub(super) queue: usize,
}

impl TraceSettings {
    /// Reads the variables; `None` if spans are not to be exported.
    pub(super) fn from_environment() -> Result<Option<Self>, TracesError> {
        if variable(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let Some((name, endpoint)) = first(ENDPOINTS) else { return Ok(None) };
        match variable(EXPORTER).as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => return Err(unexpected(EXPORTER, other, "otlp or none")),
        }
        if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            return Err(unexpected(name, &endpoint, "something like http://127.0.0.1:4318"));
        }
        if let Some((name, protocol)) = first(PROTOCOLS)
            && protocol != "http/protobuf"
        {
            return Err(unexpected(name, &protocol, "http/protobuf"));
        }
        Ok(Some(Self { endpoint, sampler: TraceSampler::from_environment()?, queue: queue()? }))
    }
}

fn first<const N: usize>(names: [&'static str; N]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name)?)))
}

fn queue() -> Result<usize, TracesError> {
    let Some(value) = variable(QUEUE) else { return Ok(QUEUE_DEFAULT) };
    match value.parse() {
        Ok(size) if QUEUE_SIZES.contains(&size) => Ok(size),
        _ => Err(unexpected(QUEUE, &value, "a number of spans, 32 to 1000000")),
    }
}

fn unexpected(variable: &'static str, value: &str, expected: &'static str) -> TracesError {
    TracesError::Variable { variable, value: value.to_owned(), expected }
}
