//! Which traces are exported: the SDK's samplers, chosen by the variables that the SDK would read by itself if it made the spans.
//!
//! Source: OpenTelemetry, "General SDK configuration" (`OTEL_TRACES_SAMPLER`).

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};

use super::context::TraceContext;
use super::error::TracesError;
use super::variable::variable;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
const SAMPLERS: &str = "always_on, always_off or traceidratio, each also with parentbased_ before it";

/// A sampler of the SDK, asked about traces of ours.
#[derive(Clone, Debug)]
pub(super) struct TraceSampler(Sampler);

impl TraceSampler {
    pub(super) fn from_environment() -> Result<Self, TracesError> {
        Self::parse(variable(SAMPLER), variable(ARGUMENT))
    }

    fn parse(name: Option<String>, argument: Option<String>) -> Result<Self, TracesError> {
        let name = name.unwrap_or_else(|| "parentbased_always_on".to_owned());
        let base = name.strip_prefix("parentbased_");
        let sampler = match base.unwrap_or(&name) {
            "always_on" => Sampler::AlwaysOn,
            "always_off" => Sampler::AlwaysOff,
            "traceidratio" => Sampler::TraceIdRatioBased(ratio(argument)?),
            _ => return Err(TracesError::Variable { variable: SAMPLER, value: name, expected: SAMPLERS }),
        };
        Ok(Self(if base.is_some() { Sampler::ParentBased(Box::new(sampler)) } else { sampler }))
    }

    /// Whether the spans of the trace are exported.
    pub(super) fn samples(&self, trace: &TraceContext) -> bool {
        let trace_id = TraceId::from(trace.trace_id);
        let caller = (trace.parent_id != 0).then(|| {
            let flags = if trace.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
            let caller = SpanContext::new(trace_id, SpanId::from(trace.parent_id), flags, true, TraceState::NONE);
            opentelemetry::Context::new().with_remote_span_context(caller)
        });
        let result = self.0.should_sample(caller.as_ref(), trace_id, "", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }
}

fn ratio(argument: Option<String>) -> Result<f64, TracesError> {
    let Some(argument) = argument else { return Ok(1.0) };
    match argument.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err(TracesError::Variable { variable: ARGUMENT, value: argument, expected: "a number, 0 to 1" }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sampler(name: &str, argument: Option<&str>) -> Result<TraceSampler, TracesError> {
        TraceSampler::parse(Some(name.to_owned()), argument.map(str::to_owned))
    }

    fn called(flags: &str) -> TraceContext {
        let traceparent = format!("00-{:032x}-00f067aa0ba902b7-{flags}", fastrand::u128(1..));
        TraceContext::child_of(&traceparent).unwrap()
    }

    #[test]
    fn the_callers_decision_stands_where_the_sampler_is_based_on_it() {
        let default = format!("{:?}", TraceSampler::parse(None, None).unwrap());
        assert_eq!(default, format!("{:?}", sampler("parentbased_always_on", None).unwrap()));
        for (name, of_root, of_sampled, of_dropped) in [
            ("parentbased_always_on", true, true, false),
            ("parentbased_always_off", false, true, false),
            ("parentbased_traceidratio", true, true, false),
            ("always_on", true, true, true),
            ("always_off", false, false, false),
            ("traceidratio", true, true, true),
        ] {
            let sampler = sampler(name, None).unwrap();
            let decisions = [TraceContext::root(), called("01"), called("00")].map(|trace| sampler.samples(&trace));
            assert_eq!(decisions, [of_root, of_sampled, of_dropped], "{name}");
        }
    }

    #[test]
    fn a_ratio_is_a_share_of_the_traces() {
        let sampler = sampler("parentbased_traceidratio", Some("0.25")).unwrap();
        let sampled = (0..10_000).filter(|_| sampler.samples(&TraceContext::root())).count();
        // Twelve standard deviations on either side.
        assert!((1980..3020).contains(&sampled), "{sampled}");
    }

    #[test]
    fn an_unknown_sampler_is_refused() {
        for (name, argument) in [("sometimes", None), ("traceidratio", Some("2")), ("traceidratio", Some("half"))] {
            assert!(sampler(name, argument).is_err(), "{name} {argument:?}");
        }
    }
}
