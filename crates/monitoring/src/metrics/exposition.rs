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
type TracedHistograms = HashMap<String, TracedVec>;

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

pub(super) fn render(families: &[MetricFamily], form: Exposition, traced: &TracedHistograms) -> String {
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

fn open_metrics(families: &[MetricFamily], traced: &TracedHistograms) -> String {
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
        let sample = Sample { family: name, suffix: "", labels: metric.get_label(), bucket: None, value: 0.0 };
        match kind {
            "counter" => {
                let counted = Sample { suffix: "_total", value: metric.get_counter().get_value(), ..sample };
                counted.write(out, None)?;
            }
            "gauge" => Sample { value: metric.get_gauge().get_value(), ..sample }.write(out, None)?,
            _ => write_histogram(out, sample, metric, traced)?,
        }
    }
    Ok(())
}

fn write_histogram(
    out: &mut String,
    sample: Sample<'_>,
    metric: &Metric,
    traced: Option<&TracedVec>,
) -> std::fmt::Result {
    let histogram = metric.get_histogram();
    let exemplars = traced.and_then(|traced| traced.exemplars(sample.labels));
    let exemplar = |bucket| exemplars.as_ref().and_then(|exemplars| exemplars.of(bucket));
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    let mut buckets = 0;
    for (number, bucket) in finite.enumerate() {
        let bound = float(bucket.upper_bound());
        let value = bucket.cumulative_count() as f64;
        Sample { suffix: "_bucket", bucket: Some(&bound), value, ..sample }.write(out, exemplar(number))?;
        buckets = number + 1;
    }
    let count = histogram.get_sample_count() as f64;
    Sample { suffix: "_bucket", bucket: Some("+Inf"), value: count, ..sample }.write(out, exemplar(buckets))?;
    Sample { suffix: "_count", value: count, ..sample }.write(out, None)?;
    Sample { suffix: "_sum", value: histogram.get_sample_sum(), ..sample }.write(out, None)
}

/// One line of OpenMetrics.
#[derive(Clone, Copy)]
struct Sample<'a> {
    family: &'a str,
    suffix: &'a str,
    labels: &'a [LabelPair],
    /// The upper bound of a bucket.
    bucket: Option<&'a str>,
    value: f64,
}

impl Sample<'_> {
    fn write(&self, out: &mut String, exemplar: Option<Exemplar>) -> std::fmt::Result {
        out.push_str(self.family);
        out.push_str(self.suffix);
        let labels = self.labels.iter().map(|label| (label.name(), label.value()));
        let mut separator = '{';
        for (label, value) in labels.chain(self.bucket.map(|bound| ("le", bound))) {
            write!(out, "{separator}{label}=\"{}\"", escaped(value))?;
            separator = ',';
        }
        if separator == ',' {
            out.push('}');
        }
        write!(out, " {}", float(self.value))?;
        if let Some(exemplar) = exemplar {
            write_exemplar(out, exemplar)?;
        }
        writeln!(out)
    }
}

fn write_exemplar(out: &mut String, Exemplar { trace, value, at }: Exemplar) -> std::fmt::Result {
    let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
    let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    let value = float(value);
    write!(out, " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {value} {seconds}.{millis:03}")
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
