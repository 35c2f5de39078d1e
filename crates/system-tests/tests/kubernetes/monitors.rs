//! What Prometheus scrapes here is what it scrapes by `prometheus.yml`, so that one set of rules serves both.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::{Pair, alone};

use crate::objects::{BASE, Objects, PRODUCTION, SERVICES, at, document, labels, name, selects, text};

/// The labels that the operator gives every target of a ServiceMonitor.
const OF_THE_OPERATOR: [&str; 7] = ["namespace", "service", "pod", "container", "endpoint", "job", "instance"];

#[test]
fn jobs_ports_and_limits_are_those_of_prometheus_yml() {
    let prometheus = document("prometheus.yml");
    let jobs = prometheus["scrape_configs"].as_array().unwrap();
    for (place, objects) in Objects::all() {
        let mut seen = Vec::new();
        for monitor in objects.of_kind("ServiceMonitor") {
            let selector = labels(monitor, "/spec/selector/matchLabels");
            let services = objects.of_kind("Service").into_iter();
            let selected: Vec<&Value> =
                services.filter(|service| selects(&selector, &labels(service, "/metadata/labels"))).collect();
            let [service] = selected[..] else { panic!("{place}: {} selects {}", name(monitor), selected.len()) };
            let job_label = at(monitor, "/spec/jobLabel").as_str().unwrap();
            let job = &labels(service, "/metadata/labels")[job_label];
            seen.push(job.clone());

            let config = jobs.iter().find(|config| config["job_name"] == *job).unwrap();
            let endpoints = at(monitor, "/spec/endpoints").as_array().unwrap();
            let [endpoint] = &endpoints[..] else { panic!("{place}: {} has several endpoints", name(monitor)) };
            let port = &service["spec"]["ports"][0];
            assert_eq!(endpoint["port"], port["name"], "{place}");
            assert_eq!(config["static_configs"][0]["targets"][0], format!("{}:{}", name(service), port["port"]));
            assert_eq!(endpoint["path"], "/metrics", "{place}");
            assert!(config["metrics_path"].is_null(), "{place}");
            assert_eq!(endpoint["interval"], prometheus["global"]["scrape_interval"], "{place}");
            assert_eq!(endpoint["scrapeTimeout"], prometheus["global"]["scrape_timeout"], "{place}");
            for (own, theirs) in [
                ("sampleLimit", "sample_limit"),
                ("labelLimit", "label_limit"),
                ("labelValueLengthLimit", "label_value_length_limit"),
                ("bodySizeLimit", "body_size_limit"),
                ("targetLimit", "target_limit"),
            ] {
                assert!(!config[theirs].is_null(), "{theirs}");
                assert_eq!(at(monitor, &format!("/spec/{own}")), &config[theirs], "{place}: {own}");
            }
        }
        assert_eq!(seen, SERVICES, "{place}");
    }
}

/// A label of a target that a metric has as well is renamed in the metric, and rules would not find it.
#[tokio::test(flavor = "multi_thread")]
async fn no_label_of_a_metric_is_renamed() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    let objects = Objects::written();
    let mut clashes = BTreeSet::new();
    for service in [&pair.inference, &pair.logging] {
        let metrics = service.get("/metrics").await.text();
        clashes.extend(OF_THE_OPERATOR.into_iter().filter(|label| {
            metrics
                .lines()
                .any(|line| line.contains(&format!("{{{label}=\"")) || line.contains(&format!(",{label}=\"")))
        }));
    }
    assert_eq!(clashes, BTreeSet::from(["service"]));
    for monitor in objects.of_kind("ServiceMonitor") {
        let drops = &at(monitor, "/spec/endpoints/0/relabelings/0");
        assert_eq!((&drops["action"], &drops["regex"]), (&"labeldrop".into(), &"service".into()));
    }
}

#[test]
fn prometheus_is_let_to_find_all_of_it() {
    for (folder, release) in [(BASE, "prometheus"), (PRODUCTION, "kube-prometheus-stack")] {
        let Some(objects) = Objects::built(folder) else { return };
        let namespace = name(objects.of_kind("Namespace")[0]);
        for object in objects.iter().filter(|object| object["kind"] != "Namespace") {
            assert_eq!(at(object, "/metadata/namespace"), namespace, "{folder}: {}", name(object));
            assert_eq!(at(object, "/metadata/labels/app.kubernetes.io~1part-of"), "glasshouse");
        }
        for monitor in objects.of_kind("ServiceMonitor") {
            assert_eq!(at(monitor, "/spec/namespaceSelector/matchNames"), &serde_json::json!([namespace]));
        }
        for object in objects.of_kind("ServiceMonitor").into_iter().chain(objects.of_kind("PrometheusRule")) {
            assert_eq!(at(object, "/metadata/labels/release"), release, "{folder}: {}", name(object));
        }
    }
}

/// A rule about a job that is not scraped here can only work where the cluster brings that job.
#[test]
fn jobs_that_the_cluster_has_to_bring_are_documented() {
    let page = text("docs/kubernetes.md");
    let rules: String = Objects::written().of_kind("PrometheusRule").iter().map(ToString::to_string).collect();
    let after = ["job=\\\"", "job=~\\\""].into_iter().flat_map(|matcher| rules.split(matcher).skip(1));
    let jobs: BTreeSet<&str> = after.flat_map(|rest| rest.split('\\').next().unwrap().split('|')).collect();
    assert!(SERVICES.iter().all(|service| jobs.contains(service)), "{jobs:?}");
    for job in jobs {
        assert!(SERVICES.contains(&job) || page.contains(&format!("`job=\"{job}\"`")), "not a word about {job}");
    }
}
