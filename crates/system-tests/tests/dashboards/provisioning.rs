//! What Grafana is given at its start: data sources and where the dashboards are.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::dashboard::{dashboards, list, root, text};

const FOLDER: &str = "deploy/grafana/provisioning";

/// The types of the provisioned data sources by uid.
pub(crate) fn data_sources() -> BTreeMap<String, String> {
    let provisioned = yaml(&format!("{FOLDER}/datasources/datasources.yml"));
    let source = |source: &Value| (text(source, "/uid").to_owned(), text(source, "/type").to_owned());
    list(&provisioned, "/datasources").iter().map(source).collect()
}

#[test]
fn the_data_sources_are_the_services_of_the_compose_file() {
    let expected = ["alertmanager", "loki", "prometheus"].map(|name| (name.to_owned(), name.to_owned()));
    assert_eq!(data_sources(), BTreeMap::from(expected));
    let compose = yaml("docker-compose.monitoring.yml");
    for source in list(&yaml(&format!("{FOLDER}/datasources/datasources.yml")), "/datasources") {
        let address = text(source, "/url").strip_prefix("http://").unwrap();
        let (service, port) = address.split_once(':').unwrap();
        let ports = list(&compose, &format!("/services/{service}/ports"));
        let published = ports.iter().any(|mapping| mapping.as_str().unwrap().ends_with(&format!(":{port}")));
        assert!(published, "{service} does not listen on {port}");
        assert_eq!(source["editable"], false, "{service}: the file is the source");
    }
}

#[test]
fn a_line_of_the_log_leads_to_its_request_and_its_trace() {
    let provisioned = yaml(&format!("{FOLDER}/datasources/datasources.yml"));
    let loki = list(&provisioned, "/datasources").iter().find(|source| source["uid"] == "loki").unwrap();
    let fields = list(loki, "/jsonData/derivedFields");
    for (field, name) in fields.iter().zip(["request_id", "trace_id"]) {
        assert_eq!(text(field, "/matcherType"), "label");
        assert_eq!(text(field, "/matcherRegex"), name);
        assert_eq!(text(field, "/datasourceUid"), "loki");
        // Provisioning makes one dollar sign of two.
        assert!(text(field, "/url").ends_with(&format!(r#"| {name}="$${{__value.raw}}""#)), "{field}");
    }
    assert_eq!(fields.len(), 2);
}

#[test]
fn an_exemplar_leads_to_the_lines_of_its_trace() {
    let provisioned = yaml(&format!("{FOLDER}/datasources/datasources.yml"));
    let prometheus = list(&provisioned, "/datasources").iter().find(|source| source["uid"] == "prometheus").unwrap();
    let [destination] = list(prometheus, "/jsonData/exemplarTraceIdDestinations") else { panic!("one destination") };
    assert_eq!(text(destination, "/name"), "trace_id");
    let url = text(destination, "/url");
    let (page, query) = url.split_once('?').unwrap();
    let dashboards = dashboards();
    let logs = dashboards.iter().find(|dashboard| page == format!("/d/{}", dashboard.uid())).expect("a dashboard");
    assert!(logs.variables().iter().any(|variable| variable["name"] == "trace_id"));
    // Provisioning makes one dollar sign of two.
    assert!(query.split('&').any(|part| part == "var-trace_id=$${__value.raw}"), "{url}");
}

#[test]
fn the_dashboards_are_where_grafana_looks_and_stay_as_they_are() {
    let provisioned = yaml(&format!("{FOLDER}/dashboards/dashboards.yml"));
    let [provider] = list(&provisioned, "/providers") else { panic!("one provider") };
    assert_eq!(provider["folder"], "Glasshouse");
    assert_eq!(provider["disableDeletion"], true);
    assert_eq!(provider["allowUiUpdates"], false);
    let compose = yaml("docker-compose.monitoring.yml");
    let mounts: Vec<&str> =
        list(&compose, "/services/grafana/volumes").iter().map(|mount| mount.as_str().unwrap()).collect();
    assert!(mounts.contains(&format!("./dashboards:{}:ro", text(provider, "/options/path")).as_str()), "{mounts:?}");
    assert!(mounts.contains(&format!("./{FOLDER}:/etc/grafana/provisioning:ro").as_str()), "{mounts:?}");
}

fn yaml(file: &str) -> Value {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
