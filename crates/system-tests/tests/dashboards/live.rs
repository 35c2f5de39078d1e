//! What the dashboards show while the services run.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Pair, Stage, alone, wait_until};

use crate::dashboard::{Dashboard, Panel, dashboards, list, text};
use crate::queries::{
    Choice, OUT_OF_REACH, everything, filled_in, numbers, numbers_when_there, out_of_reach, values_of,
};
use crate::traffic::{BROKEN_MODEL, ordinary, repository_with_a_broken_model, troubled};

/// Panels that are empty as long as all is well, and say so.
const EMPTY_WHEN_WELL: [(&str, &str); 1] = [("glasshouse-overview", "Alerts")];

/// What queries show where it is above 0, which it is in the second test alone.
const NONE_WHEN_WELL: [&str; 2] = ["prediction_feature_refusals_total", "logging_undeclared_features_total"];

/// Panels that have to show by a number above 0 that the logging service is away.
const SHOW_THE_LOG_AWAY: [PanelPlace; 4] = [
    panel("glasshouse-logging", "Failed deliveries"),
    panel("glasshouse-logging", "Waiting for delivery"),
    panel("glasshouse-logging", "Age of the oldest waiting record"),
    panel("glasshouse-overview", "Waiting for the log"),
];

/// Panels that have to show the faults of the second test by a number above 0.
const SHOW_FAULTS: [PanelPlace; 16] = [
    panel("glasshouse-inference", "Error Rate"),
    panel("glasshouse-inference", "Errors by type"),
    panel("glasshouse-inference", "Failed by the service"),
    panel("glasshouse-inference", "Mistakes of clients"),
    panel("glasshouse-inference", "5xx responses"),
    panel("glasshouse-model-quality", "Defect ratio"),
    panel("glasshouse-model-quality", "Defects"),
    panel("glasshouse-model-quality", "Inputs that do not fit"),
    panel("glasshouse-overview", "Errors by model"),
    panel("glasshouse-overview", "Alerts"),
    panel("glasshouse-overview", "Firing alerts"),
    panel("glasshouse-slo", "Availability burn rate"),
    panel("glasshouse-slo", "Availability burn rates"),
    panel("glasshouse-slo", "Failed predictions, 30 days"),
    panel("glasshouse-slo", "What spends the availability budget"),
    panel("glasshouse-stack", "Alerts in Alertmanager"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_panel_is_empty_on_a_healthy_system() {
    let _alone = alone().await;
    let Some(stage) = Stage::around(Pair::start_eager(|inference| inference).await).await else { return };

    // There was no request yet: a panel shows data, or says in words why it has none.
    stage.catches_up().await;
    for dashboard in &dashboards() {
        for variable in prometheus_variables(dashboard) {
            assert_offers(&stage, dashboard, variable).await;
        }
        for (panel, target, choice) in questions(&stage, dashboard, &["cifar10", "surface"]).await {
            if panel.says_if_empty().is_some() || out_of_reach(target).is_some() {
                numbers(&stage, &panel, target, &choice).await;
            } else {
                numbers_when_there(&stage, &panel, target, &choice).await;
            }
        }
    }

    let load = ordinary(&stage.pair);
    stage.catches_up().await;
    stage.catches_up().await;
    load.stop().await;
    stage.pair.all_delivered().await;
    stage.pair.is_judged(&["cifar10", "surface", "tumour"]).await;
    stage.pair.other_tasks_are_judged().await;
    // A dozen example pictures, again and again, do differ from the pictures of the shipped references.
    stage.pair.all_is_as_it_should_be(&["cifar10", "surface", "tumour"]).await;
    stage.catches_up().await;
    for dashboard in &dashboards() {
        for (panel, target, choice) in questions(&stage, dashboard, &["cifar10", "surface"]).await {
            if EMPTY_WHEN_WELL.contains(&(dashboard.uid(), panel.title())) {
                let samples = stage.prometheus.samples(&filled_in(text(target, "/expr"), &choice)).await;
                // How well the machine is that tests is its own matter.
                let of_us = samples.iter().filter(|sample| sample["metric"]["job"] != "node-exporter");
                assert_eq!(of_us.collect::<Vec<_>>(), [&Value::Null; 0], "{}", panel.place);
            } else if out_of_reach(target).is_some() {
                numbers(&stage, &panel, target, &choice).await;
            } else if NONE_WHEN_WELL.iter().any(|name| text(target, "/expr").contains(name)) {
                assert_eq!(numbers(&stage, &panel, target, &choice).await, [0.0; 0], "{}", panel.place);
            } else {
                numbers_when_there(&stage, &panel, target, &choice).await;
            }
        }
        for annotation in dashboard.json["annotations"]["list"].as_array().unwrap() {
            let choice = everything(&stage, dashboard).await;
            let samples = stage.prometheus.samples(&filled_in(text(annotation, "/expr"), &choice)).await;
            assert_eq!(samples.is_empty(), text(annotation, "/name") != "Starts", "{annotation}");
        }
    }
    for title in ["Alerting is alive", "Alertmanagers"] {
        shows(&stage, panel("glasshouse-stack", title), "that alerts would be told", |number| number == 1.0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_show() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    repository_with_a_broken_model(folder.path());
    let pair = Pair::start_eager(|inference| inference.models(folder.path())).await;
    let Some(mut stage) = Stage::around(pair).await else { return };

    let load = troubled(&stage.pair);
    stage.catches_up().await;
    stage.pair.logging.crash();
    shows(&stage, panel("glasshouse-overview", "Services"), "a service that is down", |number| number == 0.0).await;
    shows(&stage, panel("glasshouse-stack", "Targets"), "a service that is down", |number| number == 0.0).await;
    for place in SHOW_THE_LOG_AWAY {
        shows(&stage, place, "that the log is away", |number| number > 0.0).await;
    }
    stage.pair.logging = stage.pair.logging_again.start().await;
    stage.pair.is_judged(&["cifar10", "surface", "tumour"]).await;
    stage.pair.other_tasks_are_judged().await;
    let undeclared = json!({ "model": "tumour", "label": "benign", "features": { "shoe_size": 42 } }).to_string();
    assert_eq!(stage.pair.logging.post("/log", "application/json", undeclared).await.status, 200);
    stage.catches_up().await;
    // Rates look back a moment only, so what they show is looked at while it goes on.
    for place in SHOW_FAULTS {
        shows(&stage, place, "a fault", |number| number > 0.0).await;
    }

    for dashboard in &dashboards() {
        for (panel, target, choice) in questions(&stage, dashboard, &["surface"]).await {
            if out_of_reach(target).is_some() {
                numbers(&stage, &panel, target, &choice).await;
            } else {
                numbers_when_there(&stage, &panel, target, &choice).await;
            }
        }
        for variable in prometheus_variables(dashboard).filter(|variable| variable["name"] == "model") {
            assert!(values_of(&stage, variable).await.contains(&BROKEN_MODEL.to_owned()), "{}", dashboard.uid());
        }
    }
    let not_loaded = "a model that does not serve";
    shows(&stage, panel("glasshouse-inference", "Model Status"), not_loaded, |number| number == 0.0).await;
    shows(&stage, panel("glasshouse-overview", "Models"), not_loaded, |number| number == 0.0).await;
    shows(&stage, panel("glasshouse-slo", "Availability, 30 days"), "failures", |number| number < 1.0).await;
    shows(&stage, panel("glasshouse-inference", "Items per request"), "a batch", |number| number > 1.0).await;
    load.stop().await;
}

#[test]
fn each_reason_for_not_looking_is_needed() {
    let dashboards = dashboards();
    let targets = dashboards.iter().flat_map(Dashboard::panels).flat_map(|panel| panel.targets().to_vec());
    let used: BTreeSet<&str> = targets.filter_map(|target| out_of_reach(&target)).collect();
    assert_eq!(used, OUT_OF_REACH.iter().map(|(prefix, _)| *prefix).collect());
    for (prefix, reason) in OUT_OF_REACH {
        eprintln!("SKIPPED: data of panels about {prefix}* metrics: {reason}; their queries are understood");
    }
}

/// Every query of every panel that asks Prometheus, with everything chosen, and again with each of these models by
/// itself; in a row that is repeated by model, a panel never has more than one. What models of pictures do not have is asked
/// of the one that takes rows.
async fn questions<'a>(
    stage: &Stage,
    dashboard: &'a Dashboard,
    models: &[&str],
) -> Vec<(Panel<'a>, &'a Value, Choice)> {
    let all = everything(stage, dashboard).await;
    let mut questions = Vec::new();
    for panel in dashboard.panels().into_iter().filter(|panel| panel.asks("prometheus")) {
        for target in list(panel.json, "/targets") {
            if !panel.is_repeated {
                questions.push((panel.clone(), target, all.clone()));
            }
            let models = if is_about_rows(target) { &["tumour"] } else { models };
            for model in models.iter().filter(|_| text(target, "/expr").contains("$model")) {
                let mut choice = all.clone();
                choice.insert("model".to_owned(), (*model).to_owned());
                questions.push((panel.clone(), target, choice));
            }
        }
    }
    questions
}

/// Whether a panel asks for what models of pictures do not have: features, or segments.
fn is_about_rows(target: &Value) -> bool {
    NONE_WHEN_WELL.iter().chain(&["logging_segment_"]).any(|name| text(target, "/expr").contains(name))
}

/// A variable offers what there is.
async fn assert_offers(stage: &Stage, dashboard: &Dashboard, variable: &Value) {
    let offered = values_of(stage, variable).await;
    let services = [&stage.pair.inference, &stage.pair.logging].map(|service| service.address.to_string());
    match (text(variable, "/name"), dashboard.name.as_str()) {
        ("model", name) => assert_eq!(offered, ["cifar10", "diabetes", "surface", "tumour"], "{name}"),
        ("instance", "inference") => assert_eq!(offered, services[..1]),
        ("instance", "logging") => assert_eq!(offered, services[1..]),
        ("instance", name) => assert!(services.iter().all(|service| offered.contains(service)), "{name}: {offered:?}"),
        (variable, name) => panic!("{name}: nobody knows what ${variable} should offer"),
    }
}

fn prometheus_variables(dashboard: &Dashboard) -> impl Iterator<Item = &Value> {
    dashboard.variables().iter().filter(|variable| variable["datasource"]["uid"] == "prometheus")
}

/// A panel of a dashboard.
#[derive(Clone, Copy)]
struct PanelPlace {
    uid: &'static str,
    title: &'static str,
}

const fn panel(uid: &'static str, title: &'static str) -> PanelPlace {
    PanelPlace { uid, title }
}

/// Waits until a panel shows such a number.
async fn shows(stage: &Stage, place: PanelPlace, what: &str, is_it: impl Fn(f64) -> bool) {
    let PanelPlace { uid, title } = place;
    let dashboards = dashboards();
    let dashboard = dashboards.iter().find(|dashboard| dashboard.uid() == uid).unwrap();
    let panel = dashboard.panels().into_iter().find(|panel| panel.title() == title);
    let panel = panel.unwrap_or_else(|| panic!("{uid} has no panel {title:?}"));
    let choice = everything(stage, dashboard).await;
    wait_until(&format!("{} shows {what}", panel.place), Duration::from_secs(30), async || {
        let mut shown = Vec::new();
        for target in panel.targets() {
            shown.extend(numbers(stage, &panel, target, &choice).await);
        }
        shown.iter().any(|number| is_it(*number))
    })
    .await;
}
