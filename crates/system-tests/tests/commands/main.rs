//! Proves that the commands of the README do what they say, by typing them: `cargo xtask up --monitoring` shows both
//! services in a real Prometheus with the shipped rules, connected to a real Alertmanager; `cargo xtask demo` sends
//! what the services count; and Ctrl-C ends all of it in the order that loses no record, with nothing left behind.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod task;

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{
    Answer, Database, HttpRequest, LogBooks, Metrics, Signal, alone, free_address, path_with_query, root, skip_without,
    skip_without_shipped, wait_until,
};

use task::Task;

/// The services may have to be built.
const BUILD: Duration = Duration::from_secs(1800);
/// Two intervals of the slowest group of rules, and a little.
const EVALUATION: Duration = Duration::from_secs(150);
const STOP: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn up_with_monitoring_and_demo_show_something_and_leave_nothing_behind() {
    let _alone = alone().await;
    let what = "cargo xtask up --monitoring";
    let Some(prometheus) = skip_without_shipped("prometheus", what) else { return };
    for program in ["prometheus-alertmanager", "prometheus-node-exporter"] {
        if skip_without(program, what).is_none() {
            return;
        }
    }
    let tools = prometheus.parent().unwrap();
    let folder = TempDir::new().unwrap();
    let [inference, grpc, logging, prometheus, alertmanager, node_exporter] = [(); 6].map(|()| free_address());
    let addresses = [
        ("--inference-listen", inference),
        ("--grpc-listen", grpc),
        ("--logging-listen", logging),
        ("--prometheus-listen", prometheus),
        ("--alertmanager-listen", alertmanager),
        ("--node-exporter-listen", node_exporter),
    ];
    let mut arguments = vec!["up".to_owned(), "--monitoring".into(), format!("--data={}", folder.path().display())];
    arguments.extend(addresses.map(|(option, address)| format!("{option}={address}")));
    let mut up = Task::start(&arguments, tools);
    up.says("Ctrl-C stops everything.", BUILD).await;
    let children = up.children();
    // One of them listens at two addresses.
    assert_eq!(children.len(), addresses.len() - 1, "{children:?}");
    for missing in ["grafana", "loki", "alloy"] {
        assert!(up.output().contains(missing), "nothing is said of {missing}: {}", up.output());
    }

    let mut demo = Task::start(&["demo", "--minutes=0.35", &format!("--inference=http://{inference}")], tools);
    targets_come_up(prometheus).await;
    rules_are_evaluated(prometheus).await;
    alerts_arrive(prometheus, alertmanager).await;
    assert!(demo.ends(BUILD).await.success(), "{}", demo.output());
    let sent = agreed(&demo);
    assert!(sent > 300, "{}", demo.output());
    assert!(demo.output().contains("Drift begins") && demo.output().contains("The drift is over"));

    let sent = sent + sent_by_interrupted_demo(inference, tools).await;

    let metrics = Metrics::parse(&get(inference, "/metrics").await.text());
    assert_eq!(metrics.count("predictions_total", &[]), sent);
    wait_until("Prometheus has the same number", Duration::from_secs(60), async || {
        let answer = query_api(prometheus, "sum(predictions_total)").await;
        answer["data"]["result"][0]["value"][1].as_str() == Some(&sent.to_string())
    })
    .await;
    queries_of_the_document_have_answers(prometheus).await;
    let recorded = LogBooks::of(&metrics).recorded;

    up.signal(Signal::INT);
    assert!(up.ends(STOP).await.success(), "{}", up.output());
    assert!(up.output().contains("All of them have stopped."), "{}", up.output());
    nothing_is_left_behind(&children, &addresses);
    no_error_is_logged(&folder.path().join("monitoring"));
    assert_eq!(Database::open(&folder.path().join("predictions.db")).rows(), recorded);
}

fn no_error_is_logged(folder: &Path) {
    for log in ["prometheus.log", "alertmanager.log"] {
        let log = fs::read_to_string(folder.join(log)).unwrap();
        assert!(!log.is_empty() && !log.contains("level=error"), "{log}");
    }
}

/// A demo that Ctrl-C ends early counts what it has sent all the same.
async fn sent_by_interrupted_demo(inference: SocketAddr, tools: &Path) -> u64 {
    let mut demo = Task::start(&["demo", "--minutes=60", &format!("--inference=http://{inference}")], tools);
    demo.says("answered", BUILD).await;
    demo.signal(Signal::INT);
    assert!(demo.ends(STOP).await.success(), "{}", demo.output());
    agreed(&demo)
}

fn nothing_is_left_behind(children: &[u32], addresses: &[(&str, SocketAddr)]) {
    let left: Vec<_> = children.iter().filter(|id| Path::new("/proc").join(id.to_string()).exists()).collect();
    assert!(left.is_empty(), "processes are left behind: {left:?}");
    for (option, address) in addresses {
        assert!(TcpListener::bind(address).is_ok(), "a process still listens on the address of {option}");
    }
}

/// Every job that runs here is scraped, and no other is there.
async fn targets_come_up(prometheus: SocketAddr) {
    let expected =
        BTreeSet::from(["alertmanager", "inference-service", "logging-service", "node-exporter", "prometheus"]);
    wait_until("all targets are up", Duration::from_secs(60), async || {
        let answer = api(prometheus, "targets").await;
        let targets = answer["data"]["activeTargets"].as_array().unwrap();
        let jobs: BTreeSet<&str> = targets.iter().map(|target| target["labels"]["job"].as_str().unwrap()).collect();
        assert!(jobs.is_subset(&expected), "{answer}");
        targets.len() == expected.len() && jobs == expected && targets.iter().all(|target| target["health"] == "up")
    })
    .await;
}

/// Prometheus has the shipped rules, all of them, and evaluates each without an error.
async fn rules_are_evaluated(prometheus: SocketAddr) {
    let mut names = BTreeSet::new();
    wait_until("all rules are evaluated", EVALUATION, async || {
        let answer = api(prometheus, "rules").await;
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
        for rule in &rules {
            assert_ne!(rule["health"], "err", "{rule}");
        }
        names.extend(rules.iter().map(|rule| rule["name"].as_str().unwrap().to_owned()));
        !rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")
    })
    .await;
    for file in ["alert_rules.yml", "deploy/prometheus/recording_rules.yml", "deploy/prometheus/slo_rules.yml"] {
        let shipped = fs::read_to_string(root().join(file)).unwrap();
        let name = |line: &str| {
            let (kind, name) = line.trim().strip_prefix("- ")?.split_once(": ")?;
            ["alert", "record"].contains(&kind).then(|| name.to_owned())
        };
        let rules: BTreeSet<String> = shipped.lines().filter_map(name).collect();
        assert!(!rules.is_empty() && rules.is_subset(&names), "of {file}, Prometheus has only {names:?}");
    }
}

/// Prometheus notifies this Alertmanager, and no other, of the alert that always fires.
async fn alerts_arrive(prometheus: SocketAddr, alertmanager: SocketAddr) {
    let answer = api(prometheus, "alertmanagers").await;
    let known = answer["data"]["activeAlertmanagers"].as_array().unwrap();
    assert_eq!(known.len(), 1, "{answer}");
    assert_eq!(known[0]["url"], format!("http://{alertmanager}/api/v2/alerts"));
    wait_until("the Watchdog arrives", EVALUATION, async || {
        let alerts = get(alertmanager, "/api/v2/alerts").await.json();
        alerts.as_array().unwrap().iter().any(|alert| alert["labels"]["alertname"] == "Watchdog")
    })
    .await;
}

/// Each query of docs/demo.md has an answer after the demo, and it is a number.
async fn queries_of_the_document_have_answers(prometheus: SocketAddr) {
    let document = fs::read_to_string(root().join("docs/demo.md")).unwrap();
    let queries: Vec<&str> =
        document.split("```promql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(queries.len() > 5, "{queries:?}");
    for query in queries {
        wait_until(&format!("{query} has an answer"), EVALUATION, async || {
            let answer = query_api(prometheus, query).await;
            let samples = answer["data"]["result"].as_array().unwrap();
            let number = |sample: &Value| sample["value"][1].as_str().unwrap().parse::<f64>().unwrap();
            assert!(samples.iter().all(|sample| number(sample).is_finite()), "{query}: {answer}");
            !samples.is_empty()
        })
        .await;
    }
}

/// The predictions that both the demo and the service have counted, by the demo's last table.
fn agreed(demo: &Task) -> u64 {
    let output = demo.output();
    assert!(output.trim_end().ends_with("Both have counted the same."), "{output}");
    let table = output.rsplit_once("\npredictions ").unwrap().1;
    let rows = table.lines().filter(|line| line.starts_with("predicted by ") || line.starts_with("refused as "));
    rows.map(|row| {
        let mut numbers = row.split_whitespace().rev().map(|number| number.parse::<u64>().unwrap());
        let (service, demo) = (numbers.next().unwrap(), numbers.next().unwrap());
        assert_eq!(demo, service, "{row}");
        demo
    })
    .sum()
}

async fn query_api(prometheus: SocketAddr, query: &str) -> Value {
    get(prometheus, &path_with_query("/api/v1/query", &[("query", query)])).await.json()
}

async fn api(prometheus: SocketAddr, call: &str) -> Value {
    let answer = get(prometheus, &format!("/api/v1/{call}")).await.json();
    assert_eq!(answer["status"], "success", "{answer}");
    answer
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    HttpRequest::get(path).send(address).await.expect("an answer")
}
