//! Metrics that no program installable here exposes, as their documentation gives them.

use crate::catalogue::{Catalogue, of_target};
use crate::labels::Values;

/// Prometheus writes these for every target (https://prometheus.io/docs/concepts/jobs_instances/).
const OF_EVERY_TARGET: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Job, metric, labels.
pub(crate) const DOCUMENTED: [(&str, &str, &[&str]); 8] = [
    // Grafana, "View internal metrics": requests by handler, method and status.
    ("grafana", "grafana_http_request_duration_seconds_bucket", &["handler", "method", "status_code", "le"]),
    ("grafana", "grafana_http_request_duration_seconds_count", &["handler", "method", "status_code"]),
    // Loki, "Key metrics for monitoring Loki" and "Enforce rate limits and push request validation".
    ("loki", "loki_request_duration_seconds_bucket", &["method", "route", "status_code", "ws", "le"]),
    ("loki", "loki_distributor_lines_received_total", &["tenant"]),
    ("loki", "loki_discarded_samples_total", &["reason", "tenant"]),
    // Alloy, loki.write, "Debug metrics".
    ("alloy", "loki_write_sent_entries_total", &["component_id", "host", "tenant"]),
    ("alloy", "loki_write_dropped_entries_total", &["component_id", "host", "reason", "tenant"]),
    // Alloy, "Monitor the Alloy component controller" and the metrics page of its server.
    ("alloy", "alloy_config_last_load_successful", &[]),
];

/// Adds what Prometheus itself writes for the targets of these jobs.
pub(crate) fn add_of_every_target(catalogue: &mut Catalogue, jobs: &[String]) {
    for name in OF_EVERY_TARGET {
        for job in jobs {
            catalogue.add(name, of_target(job));
        }
    }
}

/// Adds what is only documented.
pub(crate) fn add_documented(catalogue: &mut Catalogue) {
    for (job, name, labels) in DOCUMENTED {
        let mut known = of_target(job);
        known.extend(labels.iter().map(|label| ((*label).to_owned(), Values::Any)));
        catalogue.add(name, known);
    }
}
