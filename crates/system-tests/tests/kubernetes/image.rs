//! The manifests beside the images that they run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::objects::{Objects, SERVICES, at, container, name, text};

#[test]
fn pods_are_locked_down() {
    for (place, objects) in Objects::all() {
        let deployments = objects.of_kind("Deployment");
        assert_eq!(deployments.len(), SERVICES.len(), "{place}");
        for deployment in deployments {
            let pod = at(deployment, "/spec/template/spec");
            let container = container(deployment);
            let place = format!("{place}: {}", name(deployment));
            assert_eq!(pod["automountServiceAccountToken"], false, "{place}");
            assert_eq!(pod["enableServiceLinks"], false, "{place}");
            let security = &pod["securityContext"];
            assert_eq!((&security["runAsNonRoot"], &security["runAsUser"]), (&true.into(), &65532.into()), "{place}");
            assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{place}");
            let security = &container["securityContext"];
            assert_eq!(security["allowPrivilegeEscalation"], false, "{place}");
            assert_eq!(security["readOnlyRootFilesystem"], true, "{place}");
            assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]), "{place}");
            for kind in ["requests", "limits"] {
                for resource in ["cpu", "memory"] {
                    assert!(container["resources"][kind][resource].is_string(), "{place}: {kind} of {resource}");
                }
            }
        }
    }
}

#[test]
fn the_image_is_the_one_that_is_built_in_the_version_of_the_workspace() {
    let manifest = text("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().trim_matches('"');
    for (place, objects) in Objects::all() {
        for service in SERVICES {
            let image = container(objects.get("Deployment", service))["image"].as_str().unwrap();
            assert!(image.ends_with(&format!("glasshouse/{service}:{version}")), "{place}: {image}");
        }
    }
}

/// The ports, paths and user of the image are what the manifests expect.
#[test]
fn ports_paths_and_users_are_those_of_the_image() {
    for (place, objects) in Objects::all() {
        for (service, listen) in SERVICES.into_iter().zip(["INFERENCE_LISTEN", "LOGGING_LISTEN"]) {
            let deployment = objects.get("Deployment", service);
            let (container, stage) = (container(deployment), Stage::read(service));
            let port = stage.variables[listen].strip_prefix("0.0.0.0:").unwrap();
            assert_eq!(container["ports"][0]["containerPort"].to_string(), port, "{place}");
            let security = at(deployment, "/spec/template/spec/securityContext");
            if let Some(listen) = stage.variables.get("INFERENCE_GRPC_LISTEN") {
                let port = listen.strip_prefix("0.0.0.0:").unwrap();
                assert_eq!(container["ports"][1]["containerPort"].to_string(), port, "{place}");
            }
            assert_eq!(stage.user, format!("{}:{}", security["runAsUser"], security["runAsGroup"]), "{place}");
            for own in container["env"].as_array().unwrap() {
                let name = own["name"].as_str().unwrap();
                assert!(!stage.variables.contains_key(name), "{place}: {name} is said twice");
            }
        }
        let mounted = |service: &str, volume: &str| {
            let mounts = container(objects.get("Deployment", service))["volumeMounts"].as_array().unwrap();
            let mount = mounts.iter().find(|mount| mount["name"] == volume).unwrap();
            mount["mountPath"].as_str().unwrap().to_owned()
        };
        let database = &Stage::read("logging-service").variables["DATABASE_URL"];
        let folder = format!("sqlite:{}/", mounted("logging-service", "data"));
        assert!(database.starts_with(&folder), "{place}: {database} is not kept");
        let spool = &Stage::read("inference-service").variables["SPOOL_DIR"];
        assert_eq!(*spool, mounted("inference-service", "spool"), "{place}: the spool is not kept");
        let backups = &environment(objects.get("Deployment", "logging-service"))["LOGGING_BACKUP_DIR"];
        assert_eq!(*backups, mounted("logging-service", "backup"), "{place}: backups are not kept");
    }
}

/// How long a pod may take to stop is what the service may take, the notice included, and some seconds more.
#[test]
fn a_pod_is_not_killed_while_it_drains() {
    for (place, objects) in Objects::all() {
        for (service, variable) in SERVICES.into_iter().zip(["INFERENCE_DRAIN_SECONDS", "LOGGING_DRAIN_SECONDS"]) {
            let deployment = objects.get("Deployment", service);
            let source = text(&format!("crates/{service}/src/lib.rs"));
            let patience: u64 = source
                .lines()
                .filter(|line| line.contains("_PATIENCE: Duration = "))
                .map(|line| {
                    let seconds = line.split_once("from_secs(").unwrap().1;
                    seconds.split_once(')').unwrap().0.parse::<u64>().unwrap()
                })
                .sum();
            assert!(patience >= 30, "{patience}");
            let notice = environment(deployment)[variable].parse::<u64>().unwrap();
            let grace = at(deployment, "/spec/template/spec/terminationGracePeriodSeconds").as_u64().unwrap();
            assert!((5..=15).contains(&(grace - notice - patience)), "{place}: {service} has {grace} s");
        }
    }
}

/// The variables that a Deployment sets.
pub(crate) fn environment(deployment: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("a variable has a text").to_owned();
    let variables = container(deployment)["env"].as_array().unwrap();
    variables.iter().map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect()
}

/// The stage of the Dockerfile that a service's image is made of.
struct Stage {
    variables: BTreeMap<String, String>,
    user: String,
}

impl Stage {
    fn read(service: &str) -> Self {
        let dockerfile = text("deploy/docker/Dockerfile").replace("\\\n", "");
        let start = format!(" AS {service}");
        let lines = dockerfile.lines().skip_while(|line| !line.ends_with(&start)).skip(1);
        let stage: Vec<&str> = lines.take_while(|line| !line.starts_with("FROM ")).collect();
        let after = |word: &str| -> Vec<&str> {
            stage.iter().filter_map(|line| line.strip_prefix(word)).flat_map(str::split_whitespace).collect()
        };
        let variables = after("ENV ").into_iter().map(|one| one.split_once('=').unwrap());
        Self {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            user: after("USER ").concat(),
        }
    }
}
