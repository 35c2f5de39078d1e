//! The two text forms of the metrics.
//!
//! Sources: Prometheus text format 0.0.4 (written by the `prometheus` crate) and OpenMetrics 1.0.0,
//! which differs: counters are announced without `_total`, floats are canonical, buckets have exemplars, `# EOF` ends it.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::SystemTime;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use super::exemplars::{Exemplar, TracedVec};

/// The histograms that have exemplars, by their name.
type Traced = HashMap<String, TracedVec>;

/// A text form of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// `text/plain; version=0.0.4`
    Classic,
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
}

impl Exposition {
    /// The form that an `Accept` header asks for: OpenMetrics only where it is named and preferred.
    #[must_use]
    pub fn negotiate(accept: Option<&str>) -> Self {
        let quality = |wanted: &str| {
            accept.unwrap_or_default().split(',').filter_map(|range| range_quality(range, wanted)).fold(0.0, f64::max)
        };
        let open_metrics = quality("application/openmetrics-text");
        if open_metrics > 0.0 && open_metrics >= quality("text/plain") { Self::OpenMetrics } else { Self::Classic }
    }

    /// The response's `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The `q` of one media range of an `Accept` header, if the range is of the `wanted` type.
fn range_quality(range: &str, wanted: &str) -> Option<f64> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(wanted) {
        return None;
    }
    let quality = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
    Some(quality.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
}

pub(super) fn render(families: &[MetricFamily], form: Exposition, traced: &Traced) -> String {
    match form {
        Exposition::Classic => {
            let mut text = Vec::with_capacity(64 * 1024);
            // Writing to memory does not fail; a family that cannot be encoded is left out by the encoder.
            let _ = TextEncoder::new().encode(families, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        }
        Exposition::OpenMetrics => open_metrics(families, traced),
    }
}

fn open_metrics(families: &[MetricFamily], traced: &Traced) -> String {
    let mut out = String::with_capacity(64 * 1024);
    for family in families {
        // Writing to a String does not fail.
        let _ = write_family(&mut out, family, traced.get(family.name()));
    }
    out.push_str("# EOF\n");
    out
}

fn write_family(out: &mut String, family: &MetricFamily, traced: Option<&TracedVec>) -> std::fmt::Result {
    let (kind, name) = match family.get_field_type() {
        MetricType::COUNTER => ("counter", family.name().strip_suffix("_total").unwrap_or(family.name())),
        MetricType::GAUGE => ("gauge", family.name()),
        MetricType::HISTOGRAM => ("histogram", family.name()),
        _ => return Ok(()), // Summaries and untyped metrics cannot be registered here.
    };
    writeln!(out, "# TYPE {name} {kind}")?;
    writeln!(out, "# HELP {name} {}", escaped(family.help()))?;
    for metric in family.get_metric() {
        match kind {
            "counter" => {
                write_sample(out, (name, "_total"), metric.get_label(), metric.get_counter().get_value())?;
            }
            "gauge" => write_sample(out, (name, ""), metric.get_label(), metric.get_gauge().get_value())?,
            _ => write_histogram(out, name, metric, traced)?,
        }
    }
    Ok(())
}

fn write_histogram(out: &mut String, name: &str, metric: &Metric, traced: Option<&TracedVec>) -> std::fmt::Result {
    let histogram = metric.get_histogram();
    let labels = metric.get_label();
    let exemplars = traced.and_then(|traced| traced.exemplars(labels));
    let exemplar = |bucket| exemplars.as_ref().and_then(|exemplars| exemplars.of(bucket));
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    let mut buckets = 0;
    for (number, bucket) in finite.enumerate() {
        let bound = float(bucket.upper_bound());
        write_series(out, (name, "_bucket"), labels, Some(&bound), bucket.cumulative_count() as f64)?;
        write_line_end(out, exemplar(number))?;
        buckets = number + 1;
    }
    let count = histogram.get_sample_count() as f64;
    write_series(out, (name, "_bucket"), labels, Some("+Inf"), count)?;
    write_line_end(out, exemplar(buckets))?;
    write_sample(out, (name, "_count"), labels, count)?;
    write_sample(out, (name, "_sum"), labels, histogram.get_sample_sum())
}

fn write_sample(out: &mut String, name: (&str, &str), labels: &[LabelPair], value: f64) -> std::fmt::Result {
    write_series(out, name, labels, None, value)?;
    write_line_end(out, None)
}

fn write_series(
    out: &mut String,
    (name, suffix): (&str, &str),
    labels: &[LabelPair],
    bucket_bound: Option<&str>,
    value: f64,
) -> std::fmt::Result {
    out.push_str(name);
    out.push_str(suffix);
    let pairs = labels.iter().map(|l| (l.name(), l.value())).chain(bucket_bound.map(|bound| ("le", bound)));
    let mut separator = '{';
    for (label, value) in pairs {
        write!(out, "{separator}{label}=\"{}\"", escaped(value))?;
        separator = ',';
    }
    if separator == ',' {
        out.push('}');
    }
    write!(out, " {}", float(value))
}

fn write_line_end(out: &mut String, exemplar: Option<Exemplar>) -> std::fmt::Result {
    let Some(Exemplar { trace, value, at }) = exemplar else { return writeln!(out) };
    let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
    let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    let value = float(value);
    writeln!(out, " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {value} {seconds}.{millis:03}")
}

/// OpenMetrics' canonical number: a whole value keeps its ".0".
fn float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value:?}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_gets_open_metrics_and_curl_gets_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Exposition::negotiate(Some(prometheus)), Exposition::OpenMetrics);
        for classic in [None, Some("*/*"), Some("text/plain"), Some("application/openmetrics-text;q=0.1,text/plain")] {
            assert_eq!(Exposition::negotiate(classic), Exposition::Classic, "{classic:?}");
        }
    }
}
