//! Asking Prometheus what Grafana would ask it for.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use testkit::{AN_HOUR_AGO, Stage, wait_until};

use crate::dashboard::{Dashboard, Panel, text};

const PATIENCE: Duration = Duration::from_secs(30);

/// As far back as a panel looks; longer than a test takes.
const RANGE_SECONDS: f64 = 600.0;

/// Grafana makes this four times the interval between two scrapes.
const RATE_INTERVAL: &str = "2s";

/// Metrics of what does not run here: a query for one has to be understood, and may be empty.
pub(crate) const OUT_OF_REACH: [(&str, &str); 3] = [
    ("grafana_", "Grafana cannot be installed from Debian's packages"),
    ("loki_", "Loki, and Alloy's writer to Loki, cannot be installed from Debian's packages"),
    ("alloy_", "Alloy cannot be installed from Debian's packages"),
];

/// What the variables of a dashboard are set to, as regular expressions.
pub(crate) type Choice = BTreeMap<String, String>;

/// The values that a variable offers.
pub(crate) async fn values_of(stage: &Stage, variable: &Value) -> Vec<String> {
    let query = text(variable, "/query/query");
    let arguments = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (selector, label) = arguments.and_then(|rest| rest.rsplit_once(", ")).unwrap_or_else(|| panic!("{query}"));
    let answer = stage.prometheus.daemon.get(&format!("/api/v1/label/{label}/values"), &[("match[]", selector)]).await;
    answer["data"].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// The variables of Prometheus as they are at first: everything.
pub(crate) async fn everything(stage: &Stage, dashboard: &Dashboard) -> Choice {
    let mut choice = Choice::new();
    for variable in dashboard.variables().iter().filter(|variable| variable["datasource"]["uid"] == "prometheus") {
        let values = values_of(stage, variable).await;
        assert!(!values.is_empty(), "{}: {variable} offers nothing", dashboard.uid());
        let all = variable["allValue"].as_str().map_or_else(|| format!("({})", values.join("|")), str::to_owned);
        choice.insert(text(variable, "/name").to_owned(), all);
    }
    choice
}

/// A query as Prometheus gets it.
pub(crate) fn filled_in(query: &str, choice: &Choice) -> String {
    let mut query = query
        .replace("$__rate_interval", RATE_INTERVAL)
        .replace("$__range", &format!("{RANGE_SECONDS}s"))
        .replace("offset 1h", AN_HOUR_AGO);
    for (name, value) in choice {
        query = query.replace(&format!("${name}"), value);
    }
    assert!(!query.contains('$'), "not all is filled in: {query}");
    query
}

/// Asks for the data of one query of a panel: the numbers of all of its series.
pub(crate) async fn numbers(stage: &Stage, panel: &Panel<'_>, target: &Value, choice: &Choice) -> Vec<f64> {
    let query = filled_in(text(target, "/expr"), choice);
    let daemon = &stage.prometheus.daemon;
    let answer = if target["instant"] == true {
        daemon.get("/api/v1/query", &[("query", &query)]).await
    } else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let (start, end) = ((now - RANGE_SECONDS).to_string(), now.to_string());
        let parameters = [("query", query.as_str()), ("start", &start), ("end", &end), ("step", "1")];
        daemon.get("/api/v1/query_range", &parameters).await
    };
    let mut numbers = Vec::new();
    for series in answer["data"]["result"].as_array().unwrap() {
        let samples = series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
        numbers.extend(samples.iter().map(|sample| sample[1].as_str().unwrap().parse::<f64>().unwrap()));
    }
    check(&numbers, panel, &query);
    numbers
}

/// Waits until a query of a panel has data, and returns them.
pub(crate) async fn numbers_when_there(stage: &Stage, panel: &Panel<'_>, target: &Value, choice: &Choice) -> Vec<f64> {
    let mut found = Vec::new();
    let what = format!("{} has data for {}", panel.place, filled_in(text(target, "/expr"), choice));
    wait_until(&what, PATIENCE, async || {
        found = numbers(stage, panel, target, choice).await;
        !found.is_empty()
    })
    .await;
    found
}

/// The part of the stack that a query needs and that does not run here.
pub(crate) fn out_of_reach(target: &Value) -> Option<&'static str> {
    let query = text(target, "/expr");
    OUT_OF_REACH.iter().map(|(prefix, _)| *prefix).find(|prefix| {
        query
            .match_indices(prefix)
            .any(|(at, _)| !query[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
    })
}

/// Nothing that a panel draws may be no number, or lie outside of the scale that it declares.
fn check(numbers: &[f64], panel: &Panel<'_>, query: &str) {
    let (min, max) = (panel.bound("min"), panel.bound("max"));
    for number in numbers {
        let fits = number.is_finite()
            && min.is_none_or(|min| *number >= min - f64::EPSILON)
            && max.is_none_or(|max| *number <= max + f64::EPSILON);
        assert!(fits, "{}: {number} is not between {min:?} and {max:?}: {query}", panel.place);
    }
}

#[test]
fn a_query_is_out_of_reach_by_the_names_of_its_metrics() {
    let reach = |query: &str| out_of_reach(&serde_json::json!({ "expr": query }));
    assert_eq!(reach("sum(rate(loki_write_sent_entries_total[1m]))"), Some("loki_"));
    assert_eq!(reach("grafana_x"), Some("grafana_"));
    assert_eq!(reach("not_loki_at_all + up{job=\"loki\"}"), None);
}
