//! What can be said of the files without running anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::dashboard::{Dashboard, dashboards, list, root, text};
use crate::provisioning::data_sources;

const NAMES: [&str; 7] = ["inference", "logging", "logs", "model-quality", "overview", "slo", "stack"];

/// Variables that Grafana itself fills in.
const BUILT_IN: [&str; 6] = ["__rate_interval", "__range", "__auto", "__url_time_range", "__value", "__all"];

#[test]
fn there_are_the_seven_in_the_form_that_grafana_takes() {
    let dashboards = dashboards();
    assert_eq!(dashboards.iter().map(|dashboard| dashboard.name.as_str()).collect::<Vec<_>>(), NAMES);
    for dashboard in &dashboards {
        let (name, json) = (&dashboard.name, &dashboard.json);
        assert_eq!(dashboard.uid(), format!("glasshouse-{name}"));
        assert_eq!(json["schemaVersion"], 42, "{name}");
        assert!(json.get("dashboard").is_none(), "{name}: provisioning takes no wrapper");
        assert!(json.get("id").is_none(), "{name}: the id is Grafana's to give");
        assert!(!text(json, "/title").is_empty() && text(json, "/description").ends_with(['.', '?']), "{name}");
        assert_eq!(text(json, "/time/from"), "now-1h", "{name}");
        assert!(["15s", "30s"].contains(&text(json, "/refresh")), "{name}");
        assert_eq!(json["editable"], true, "{name}: one may try something out, and save it into the file");
        let formatted = serde_json::to_string_pretty(json).unwrap() + "\n";
        assert_eq!(dashboard.text, formatted, "{name}: two spaces, no empty lines");
    }
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    let sources = data_sources();
    for dashboard in dashboards() {
        let mut titles = BTreeSet::new();
        for panel in dashboard.panels() {
            let place = &panel.place;
            assert!(titles.insert(panel.title().to_owned()), "{place}: the title is there twice");
            let description = text(panel.json, "/description");
            assert!(description.len() > 30 && description.ends_with('.'), "{place}: {description}");
            assert!(!text(panel.json, "/fieldConfig/defaults/unit").is_empty(), "{place}");
            let kind = sources.get(text(panel.json, "/datasource/uid"));
            assert_eq!(kind.map(String::as_str), Some(text(panel.json, "/datasource/type")), "{place}");
            if let Some(steps) = panel.json.pointer("/fieldConfig/defaults/thresholds/steps") {
                assert_ascending(steps, place);
            }
            let mut ids = BTreeSet::new();
            for target in panel.targets() {
                assert!(ids.insert(text(target, "/refId")), "{place}: two queries of one name");
                assert!(!text(target, "/expr").is_empty(), "{place}");
                let runs = if panel.asks("loki") {
                    ["range", "instant"].contains(&text(target, "/queryType"))
                } else {
                    target["range"] == true && target["instant"] != true
                        || target["instant"] == true && target["range"] == false
                };
                assert!(runs, "{place}: either over the range or for now");
            }
            assert!(!ids.is_empty(), "{place}: no query");
        }
    }
}

/// Zero looks like zero, an empty cell is empty, and what is not known is not red.
#[test]
fn where_nothing_is_wrong_nothing_looks_wrong() {
    for dashboard in dashboards() {
        for panel in dashboard.panels() {
            let (place, defaults) = (&panel.place, &panel.json["fieldConfig"]["defaults"]);
            let says_why_empty = defaults.get("noValue").is_some();
            let is_logarithmic = defaults["custom"]["scaleDistribution"]["type"] == "log";
            match text(panel.json, "/type") {
                "timeseries" if is_logarithmic => assert_eq!(defaults.get("min"), None, "{place}: no logarithm is 0"),
                "timeseries" if defaults["unit"] == "percentunit" => {
                    let ends = defaults.get("max").or(defaults["custom"].get("axisSoftMax"));
                    assert!(ends.is_some(), "{place}: without a fault its axis reaches to 10,000 %");
                }
                "table" if says_why_empty => {
                    let first = &panel.json["fieldConfig"]["overrides"][0];
                    assert_eq!(text(first, "/matcher/options"), "/.*/", "{place}: each empty cell says it");
                    assert_eq!(first["properties"][0], json!({ "id": "noValue", "value": "" }), "{place}");
                }
                "stat" if says_why_empty && defaults["color"]["mode"] == "thresholds" => {
                    let least = text(defaults, "/thresholds/steps/0/color");
                    let says_none = |mapping: &Value| mapping["options"]["match"] == "null+nan";
                    let is_told = defaults["mappings"].as_array().is_some_and(|all| all.iter().any(says_none));
                    assert!(is_told || !["red", "orange"].contains(&least), "{place}: unknown, and {least}");
                }
                _ => {}
            }
        }
        for annotation in list(&dashboard.json, "/annotations/list") {
            let expression = text(annotation, "/expr");
            let only_begins = expression.contains("unless ALERTS");
            let name = dashboard.uid();
            assert!(only_begins || !expression.contains("ALERTS"), "{name}: an alert that goes on hides the curves");
        }
    }
}

#[test]
fn every_curve_of_latencies_shows_exemplars() {
    let traced = ["prediction_latency", "prediction_phase", "http_request_duration"]
        .map(|name| format!("{name}_seconds_bucket"));
    let mut found = 0;
    for dashboard in dashboards() {
        for panel in dashboard.panels().iter().filter(|panel| panel.asks("prometheus")) {
            for target in panel.targets() {
                // The metrics of Grafana's own requests have the same names.
                let expression = text(target, "/expr").replace("grafana_http_request", "");
                let is_traced = target["range"] == true && traced.iter().any(|name| expression.contains(name.as_str()));
                assert_eq!(target["exemplar"] == true, is_traced, "{}: {expression}", panel.place);
                found += usize::from(is_traced);
            }
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn panels_do_not_overlap_and_are_numbered_in_order() {
    for dashboard in dashboards() {
        let mut taken = BTreeMap::new();
        for (index, panel) in list(&dashboard.json, "/panels").iter().enumerate() {
            let place = format!("{}: {:?}", dashboard.uid(), text(panel, "/title"));
            assert_eq!(panel["id"], index + 1, "{place}");
            let side = |name| panel["gridPos"][name].as_u64().unwrap_or_else(|| panic!("{place}: no {name}"));
            let (left, top, right, bottom) = (side("x"), side("y"), side("x") + side("w"), side("y") + side("h"));
            assert!(right <= 24 && left < right && top < bottom, "{place} lies outside");
            assert!(panel["type"] != "row" || (left == 0 && right == 24 && bottom == top + 1), "{place}");
            for cell in (top..bottom).flat_map(|y| (left..right).map(move |x| (y, x))) {
                let other = taken.insert(cell, place.clone());
                assert_eq!(other, None, "{place} covers another");
            }
        }
        let height = taken.keys().last().unwrap().0 + 1;
        assert_eq!(taken.len() as u64, height * 24, "{}: there is a gap", dashboard.uid());
    }
}

#[test]
fn every_link_leads_somewhere() {
    let dashboards = dashboards();
    let uids: BTreeSet<&str> = dashboards.iter().map(Dashboard::uid).collect();
    for dashboard in &dashboards {
        let tags = |json: &Value| -> Vec<String> {
            list(json, "/tags").iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
        };
        let [to_all, others @ ..] = list(&dashboard.json, "/links") else { panic!("{} has no link", dashboard.uid()) };
        assert!(others.iter().all(|link| link["url"] == "${pages}/ui"), "{} links to {others:?}", dashboard.uid());
        assert_eq!(to_all["type"], "dashboards");
        for other in &dashboards {
            assert!(tags(to_all).iter().all(|tag| tags(&other.json).contains(tag)), "{} is not linked", other.uid());
        }
        for uid in linked(&dashboard.text) {
            assert!(uids.contains(uid), "{} links to {uid:?}", dashboard.uid());
        }
    }
    for of_pages in ["glasshouse-model-quality", "glasshouse-logs"] {
        assert!(uids.contains(of_pages), "pages of the logging service lead to {of_pages}");
    }
    let overview = dashboards.iter().find(|dashboard| dashboard.name == "overview").unwrap();
    let others = &uids - &BTreeSet::from([overview.uid()]);
    assert_eq!(linked(&overview.text), others, "each begins with a panel of the overview");
    for file in ["alert_rules.yml", "deploy/prometheus/slo_rules.yml"] {
        let rules = fs::read_to_string(root().join(file)).unwrap();
        assert!(!linked(&rules).is_empty(), "{file} links to no dashboard");
        for uid in linked(&rules) {
            assert!(uids.contains(uid), "{file} links to {uid:?}");
        }
    }
}

#[test]
fn every_variable_is_declared_and_used() {
    for dashboard in dashboards() {
        let declared: BTreeSet<&str> = dashboard.variables().iter().map(|variable| text(variable, "/name")).collect();
        let mut texts = Vec::new();
        collect_texts(&dashboard.json, &mut texts);
        let used: BTreeSet<&str> = texts.iter().flat_map(|text| named_variables(text)).collect();
        let used: BTreeSet<&str> = used.difference(&BUILT_IN.into()).copied().collect();
        assert_eq!(used, declared, "{}", dashboard.uid());
    }
}

#[test]
fn the_inference_dashboard_has_the_four_panels_that_one_looks_for_first() {
    let dashboards = dashboards();
    let inference = dashboards.iter().find(|dashboard| dashboard.name == "inference").unwrap();
    let first: Vec<String> = inference.panels()[..4].iter().map(|panel| panel.title().to_owned()).collect();
    assert_eq!(first, ["Predictions/sec", "Error Rate", "Latency P95", "Model Status"]);
}

/// The uids of the dashboards that a text links to.
fn linked(text: &str) -> BTreeSet<&str> {
    let uid = |rest: &'_ str| {
        rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').unwrap_or(rest.len())
    };
    text.split("/d/").skip(1).map(|rest| &rest[..uid(rest)]).collect()
}

/// The variables that a text names, as `$name` or `${name}`.
fn named_variables(text: &str) -> Vec<&str> {
    let names = text.split('$').skip(1).map(|rest| rest.strip_prefix('{').unwrap_or(rest));
    let end = |rest: &str| rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    names.map(|rest| &rest[..end(rest).unwrap_or(rest.len())]).collect()
}

fn collect_texts<'a>(json: &'a Value, texts: &mut Vec<&'a str>) {
    match json {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect_texts(member, texts)),
        _ => {}
    }
}

/// The first threshold has no value, the others rise.
fn assert_ascending(steps: &Value, place: &str) {
    let steps = steps.as_array().unwrap();
    assert!(steps[0]["value"].is_null(), "{place}: the first threshold is everything below");
    let values: Vec<f64> = steps[1..].iter().map(|step| step["value"].as_f64().unwrap()).collect();
    assert!(values.is_sorted(), "{place}: {values:?}");
}
