//! Names inside the manifests: each leads to something.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::objects::{Objects, SERVICES, at, container, labels, name, selects};

#[test]
fn each_service_leads_to_the_pods_of_its_deployment() {
    for (place, objects) in Objects::all() {
        assert_eq!(objects.of_kind("Service").len(), SERVICES.len(), "{place}");
        for service in objects.of_kind("Service") {
            let selected = deployments_selected(&objects, &labels(service, "/spec/selector"));
            assert_eq!(selected, [name(service)], "{place}");
            let ports = at(service, "/spec/ports").as_array().unwrap();
            let container_ports = container(objects.get("Deployment", name(service)))["ports"].as_array().unwrap();
            for port in ports {
                let target = container_ports.iter().find(|other| other["name"] == port["targetPort"]);
                let target = target.unwrap_or_else(|| panic!("{place}: {port} leads nowhere"));
                assert_eq!(port["port"], target["containerPort"], "{place}");
            }
        }
    }
}

#[test]
fn deployments_autoscaler_and_budget_select_their_own_pods() {
    for (place, objects) in Objects::all() {
        for deployment in objects.of_kind("Deployment") {
            let own = [name(deployment)];
            let selector = labels(deployment, "/spec/selector/matchLabels");
            assert_eq!(deployments_selected(&objects, &selector), own, "{place}");
            let spread = deployment.pointer("/spec/template/spec/topologySpreadConstraints");
            for constraint in spread.and_then(Value::as_array).into_iter().flatten() {
                let selector = serde_json::from_value(constraint["labelSelector"]["matchLabels"].clone()).unwrap();
                assert_eq!(deployments_selected(&objects, &selector), own, "{place}");
            }
        }
        let autoscaler = objects.get("HorizontalPodAutoscaler", "inference-service");
        let target = at(autoscaler, "/spec/scaleTargetRef");
        let deployment = objects.get("Deployment", target["name"].as_str().unwrap());
        assert_eq!((&target["kind"], &target["apiVersion"]), (&deployment["kind"], &deployment["apiVersion"]));
        assert!(deployment["spec"]["replicas"].is_null(), "{place}: applying it would undo the autoscaler");
        let least = at(autoscaler, "/spec/minReplicas").as_u64().unwrap();
        let most = at(autoscaler, "/spec/maxReplicas").as_u64().unwrap();
        assert!(2 <= least && least < most, "{place}");

        let budget = objects.get("PodDisruptionBudget", "inference-service");
        let selector = labels(budget, "/spec/selector/matchLabels");
        assert_eq!(deployments_selected(&objects, &selector), ["inference-service"], "{place}");
        assert!(at(budget, "/spec/maxUnavailable").as_u64().unwrap() < least, "{place}");
    }
}

#[test]
fn volumes_are_mounted_and_mounts_have_volumes() {
    for (place, objects) in Objects::all() {
        let mut claimed = BTreeSet::new();
        for deployment in objects.of_kind("Deployment") {
            let list = |value: &Value, key: &str| -> BTreeSet<String> {
                let items = value.as_array().into_iter().flatten();
                items.map(|item| item[key].as_str().unwrap().to_owned()).collect()
            };
            let volumes = &deployment["spec"]["template"]["spec"]["volumes"];
            let mounts = &container(deployment)["volumeMounts"];
            assert_eq!(list(volumes, "name"), list(mounts, "name"), "{place}: {}", name(deployment));
            let claims = volumes.as_array().into_iter().flatten();
            claimed.extend(claims.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str()));
        }
        let claims: BTreeSet<&str> = objects.of_kind("PersistentVolumeClaim").into_iter().map(name).collect();
        assert_eq!(claimed, claims, "{place}");
    }
}

/// SQLite has one writer, and a ReadWriteOnce volume one node.
#[test]
fn the_database_never_has_two_pods() {
    for (place, objects) in Objects::all() {
        let deployment = objects.get("Deployment", "logging-service");
        assert_eq!(at(deployment, "/spec/replicas"), 1, "{place}");
        assert_eq!(at(deployment, "/spec/strategy/type"), "Recreate", "{place}");
        let autoscaled = objects.of_kind("HorizontalPodAutoscaler");
        assert!(autoscaled.iter().all(|one| at(one, "/spec/scaleTargetRef/name") != "logging-service"), "{place}");
    }
}

fn deployments_selected<'a>(objects: &'a Objects, selector: &crate::objects::Labels) -> Vec<&'a str> {
    let deployments = objects.of_kind("Deployment").into_iter();
    let chosen = deployments.filter(|one| selects(selector, &labels(one, "/spec/template/metadata/labels")));
    chosen.map(name).collect()
}
