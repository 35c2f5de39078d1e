//! Mistakes that Prometheus takes without a word, and that are complaints here.

use crate::catalogue::{Catalogue, Owner};
use crate::expression::read;

const EXPOSED: &str = "\
errors_total{model=\"cat\",kind=\"input\"} 0
errors_total{model=\"cat\",kind=\"internal\"} 0
attempts_total{model=\"cat\",status=\"error\"} 0
attempts_total{model=\"cat\",status=\"success\"} 0
seconds_bucket{model=\"cat\",le=\"0.25\"} 0
seconds_bucket{model=\"cat\",le=\"1\"} 0
info{model=\"cat\",version=\"1\"} 1
loaded{model=\"cat\"} 1
";

#[test]
fn what_is_right_is_no_complaint() {
    for (query, labels) in [
        ("rate(errors_total[5m])", "instance job kind model"),
        ("sum(errors_total)", ""),
        ("sum by (kind) (errors_total{model=~\"cat\"})", "kind"),
        ("sum without (kind, instance) (errors_total)", "job model"),
        ("sum by (model) (errors_total) / sum by (model) (attempts_total{status=~\"error|success\"})", "model"),
        ("histogram_quantile(0.9, sum by (le, model) (rate(seconds_bucket{le!=\"0.25\"}[5m])))", "model"),
        ("loaded * on (job, instance, model) group_left (version) info", "instance job model version"),
        ("info / on (model) loaded", "model"),
        ("loaded == 0 unless on (model) info > 1", "instance job model"),
        ("absent(loaded{job=\"us\"}) or vector(1)", "job"),
        ("label_replace(sum(loaded), \"model\", \"all\", \"\", \"\")", "model"),
        ("topk(3, attempts_total)", "instance job model status"),
        ("{__name__=~\"errors_.*|loaded\", model!=\"\"}", "instance job kind model"),
        ("count by (__name__, job) ({job=\"us\"})", "job"),
        ("max_over_time(sum(loaded)[1h:5m] offset 1d) + time()", ""),
    ] {
        let reading = read(query, &catalogue());
        assert_eq!(reading.complaints, Vec::<String>::new(), "{query}");
        assert_eq!(reading.labels.keys().cloned().collect::<Vec<_>>().join(" "), labels, "{query}");
    }
}

#[test]
fn what_cannot_work_is_a_complaint() {
    for (query, expected) in [
        ("sum(error_total)", "nothing exposes error_total"),
        ("{__name__=~\"error_.*\"}", "nothing exposes"),
        ("errors_total{type=\"input\"}", "has no label type"),
        ("errors_total{kind=\"inputs\"}", "can have kind=\"inputs\""),
        ("errors_total{kind=~\"input|internl\"}", "can have kind=\"internl\""),
        ("errors_total{kind!~\"4..\"}", "can have kind=\"4..\""),
        ("loaded{job=\"them\"}", "can have job=\"them\""),
        ("seconds_bucket{le=\"0.3\"}", "can have le=\"0.3\""),
        // Prometheus 3 calls it 1.0.
        ("seconds_bucket{le=\"1\"}", "can have le=\"1\""),
        ("sum by (class) (errors_total)", "groups by class"),
        ("count by (__name__) (rate(errors_total[5m]))", "groups by __name__"),
        ("sum without (class) (errors_total)", "groups by class"),
        ("rate(errors_total[5m]) / rate(attempts_total[5m])", "never match"),
        ("sum by (model) (errors_total) and sum(attempts_total)", "never match"),
        ("errors_total unless ignoring (kind) attempts_total", "never match"),
        ("loaded / ignoring (kind) loaded", "neither side has kind"),
        ("loaded and on (kind) errors_total", "one side has no kind"),
        ("loaded * on (model) group_left (kind) info", "no kind to be taken over"),
        ("histogram_quantile(0.9, sum by (model) (rate(seconds_bucket[5m])))", "no le is left"),
        ("sum(sum by (model) (errors_total)", ""),
        ("rate(errors_total)", ""),
    ] {
        let complaints = read(query, &catalogue()).complaints;
        assert!(complaints.iter().any(|complaint| complaint.contains(expected)), "{query}: {complaints:?}");
    }
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.add_scrape("us", Owner::Us, EXPOSED);
    catalogue
}
