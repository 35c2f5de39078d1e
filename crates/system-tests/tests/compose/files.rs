//! What can be said of the files without starting anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{pypi, root, skip_without};

use crate::compose::{Compose, FILE, LOCAL};
use crate::engine::DockerEngine;

const SERVICES: [&str; 9] = [
    "alertmanager",
    "alloy",
    "docker-socket-proxy",
    "grafana",
    "inference-service",
    "logging-service",
    "loki",
    "node-exporter",
    "prometheus",
];
/// Shares the network of the engine's guard, which is root.
const GUARD: &str = "docker-socket-proxy";

#[test]
fn the_compose_specification_allows_all_of_it() {
    let Some(checker) = pypi::program(&[("check-jsonschema", "0.39.0")], "check-jsonschema", "the compose schema")
    else {
        return;
    };
    let check = |file: &Path| {
        let output =
            Command::new(&checker).args(["--builtin-schema", "vendor.compose-spec"]).arg(file).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for file in [FILE, LOCAL] {
        let (valid, said) = check(&root().join(file));
        assert!(valid, "{file}: {said}");
    }
    let folder = TempDir::new().unwrap();
    let broken = folder.path().join("compose.yml");
    let text = fs::read_to_string(root().join(FILE)).unwrap();
    fs::write(&broken, text.replace("mem_limit: 1g", "memory_limit: 1g")).unwrap();
    let (valid, said) = check(&broken);
    assert!(!valid && said.contains("memory_limit"), "{said}");
}

/// The images' first layer is built from the manifests alone, and without one of them it is not.
#[test]
fn the_dockerfile_copies_the_manifest_of_every_crate() {
    let dockerfile = fs::read_to_string(root().join("deploy/docker/Dockerfile")).unwrap();
    let copied: BTreeSet<String> = dockerfile
        .lines()
        .filter_map(|line| Some(line.strip_prefix("COPY crates/")?.split_once('/')?.0.to_owned()))
        .collect();
    let crates = fs::read_dir(root().join("crates")).unwrap();
    let crates: BTreeSet<String> = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(copied, crates);
}

/// The module of Prometheus 3.13.1 is called 0.313.1.
#[test]
fn the_tests_use_the_prometheus_and_the_amtool_of_the_images() {
    let file = fs::read_to_string(root().join(FILE)).unwrap();
    let modules = fs::read_to_string(root().join("crates/system-tests/tools/go.mod")).unwrap();
    let pulled = |image: &str| {
        let (_, tag) = file.split_once(&format!("image: {image}:v")).unwrap();
        tag.lines().next().unwrap().split('.').map(|number| number.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    let prometheus = pulled("prom/prometheus");
    let prometheus = format!("v0.{}{:02}.{}", prometheus[0], prometheus[1], prometheus[2]);
    let alertmanager = pulled("prom/alertmanager");
    let alertmanager = format!("v{}.{}.{}", alertmanager[0], alertmanager[1], alertmanager[2]);
    for (module, version) in [("prometheus", prometheus), ("alertmanager", alertmanager)] {
        let module = format!("github.com/prometheus/{module}");
        let pinned = modules.lines().any(|line| line.split_whitespace().take(2).eq([module.as_str(), &version]));
        assert!(pinned, "go.mod does not pin {module} at {version}");
    }
}

#[test]
fn docker_compose_takes_the_file_with_and_without_its_profile() {
    let Some(compose) = Compose::provide("docker-compose.monitoring.yml") else { return };
    // docker-compose 1.29.2 lists what belongs to a profile, too; what `up` starts is seen when it is run.
    let mut services: BTreeSet<&str> = SERVICES.into();
    services.insert("promtail");
    for files in [&["-f", FILE][..], &["-f", FILE, "--profile", "promtail"], &["-f", FILE, "-f", LOCAL]] {
        assert_eq!(
            compose.run(&[files, &["config", "--services"]].concat()).lines().collect::<BTreeSet<_>>(),
            services
        );
        for (name, service) in compose.config(files)["services"].as_object().unwrap() {
            let profiles = if name == "promtail" { vec!["promtail"].into() } else { Value::Null };
            assert_eq!(service["profiles"], profiles, "{name}");
        }
    }
}

#[test]
fn the_files_are_clean() {
    if let Some(yamllint) = skip_without("yamllint", "the tidiness of the YAML files") {
        let output = Command::new(yamllint).arg(".").current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    if let Some(shellcheck) = skip_without("shellcheck", "the tidiness of the scripts") {
        let scripts =
            ["deploy/docker/stand-ins.sh", "crates/system-tests/tools/build.sh"].map(|path| root().join(path));
        let output = Command::new(shellcheck).args(scripts).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_container_is_pinned_bounded_and_hardened() {
    let Some(compose) = Compose::provide("the hardening of the containers") else { return };
    let file = compose.config(&["-f", FILE, "--profile", "promtail"]);
    for (name, service) in file["services"].as_object().unwrap() {
        let says = |key: &str, value: Value| assert_eq!(service[key], value, "{key} of {name}");
        says("read_only", true.into());
        says("restart", "unless-stopped".into());
        says("cap_drop", vec!["ALL"].into());
        says("security_opt", vec!["no-new-privileges:true"].into());
        says("privileged", Value::Null);
        says("cap_add", Value::Null);
        says("container_name", Value::Null);
        says("network_mode", Value::Null);
        assert_eq!(service["logging"]["options"]["max-file"], "3", "{name}");
        assert_eq!(service["logging"]["options"]["max-size"], "10m", "{name}");
        for limit in ["mem_limit", "cpus", "pids_limit"] {
            assert!(!service[limit].is_null(), "{name} has no {limit}");
        }
        let user = service["user"].as_str().unwrap_or_else(|| panic!("{name} has no user"));
        assert_eq!(user.starts_with("0:"), name == GUARD, "{name} runs as {user}");
        let (_, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
        let digits = tag.trim_start_matches('v').split(['.', '-']).take(3).filter(|part| part.parse::<u32>().is_ok());
        assert_eq!(digits.count(), 3, "{name} has the tag {tag}");
        let checked = service["healthcheck"]["test"].is_array() || service["build"].is_object();
        assert!(checked, "{name} has no health check");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name} opens {port} to everybody");
        }
    }
    let text = fs::read_to_string(root().join(FILE)).unwrap();
    assert!(!text.contains("version:"), "obsolete");
    assert!(!file.to_string().to_lowercase().contains("password\":\"admin"), "a password in the file");
}

#[test]
fn only_readers_of_logs_reach_the_engine_and_only_through_its_guard() {
    let Some(compose) = Compose::provide("who reaches the Docker engine") else { return };
    let file = compose.config(&["-f", FILE, "--profile", "promtail"]);
    assert_eq!(file["networks"]["docker-api"]["internal"], true);
    for (name, service) in file["services"].as_object().unwrap() {
        let reads_logs = ["alloy", "promtail", GUARD].contains(&name.as_str());
        assert_eq!(service["networks"].as_object().unwrap().contains_key("docker-api"), reads_logs, "{name}");
        let has_socket = service["volumes"].to_string().contains("docker.sock");
        assert_eq!(has_socket, name == GUARD, "{name}");
    }
    assert_eq!(file["services"][GUARD]["ports"], Value::Null);
    assert_eq!(file["services"][GUARD]["networks"].as_object().unwrap().len(), 1);
}

#[test]
fn what_is_mounted_is_there_and_cannot_be_written() {
    let what = "what the containers mount";
    let Some(compose) = Compose::provide(what) else { return };
    let Some(engine) = DockerEngine::provide(what) else { return };
    let compose = compose.with(engine.environment.clone());
    let file = compose.config(&["-f", FILE, "--profile", "promtail"]);
    let volumes = file["volumes"].as_object().unwrap();
    let mut mounted = BTreeSet::new();
    for (name, service) in file["services"].as_object().unwrap() {
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let parts: Vec<&str> = mount.as_str().unwrap().split(':').collect();
            if volumes.contains_key(parts[0]) {
                assert!(mounted.insert(parts[0].to_owned()), "two containers write to {}", parts[0]);
            } else {
                assert_eq!(parts.get(2), Some(&"ro"), "{name} may write to {mount}");
                assert!(Path::new(parts[0]).exists(), "{name} mounts {}, which is not there", parts[0]);
            }
        }
    }
    assert_eq!(mounted.len(), volumes.len(), "a volume that nobody mounts");
    let home =
        file["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str().unwrap();
    assert!(root().join(home.strip_prefix("/etc/grafana/").unwrap()).is_file(), "{home}");
}

/// What Grafana's container does before it becomes Grafana, with a program in its place that says whom it lets in.
#[test]
fn grafana_asks_for_a_password_unless_only_this_machine_reaches_it() {
    let compose: Value = serde_saphyr::from_str(&fs::read_to_string(root().join(FILE)).unwrap()).unwrap();
    let grafana = &compose["services"]["grafana"];
    assert_eq!(grafana["environment"]["MON_BIND"], "${MON_BIND:-127.0.0.1}", "the address of its port");
    assert_eq!(grafana["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"], "Viewer");
    assert!(grafana["environment"].get("GF_AUTH_ANONYMOUS_ENABLED").is_none());
    let folder = TempDir::new().unwrap();
    let script = grafana["command"][0].as_str().unwrap().replace("$$", "$");
    let script = script.replace("/var/lib/grafana", &folder.path().display().to_string());
    let stand_in = "echo lets-in-anybody: ${GF_AUTH_ANONYMOUS_ENABLED:-false}";
    assert!(script.contains("exec /run.sh"), "{script}");
    let script = script.replace("exec /run.sh", stand_in);
    for (address, lets_in) in [
        ("127.0.0.1", "true"),
        ("::1", "true"),
        ("[::1]", "true"),
        ("localhost", "true"),
        ("0.0.0.0", "false"),
        ("::", "false"),
        ("", "false"),
        ("192.168.1.127", "false"),
    ] {
        let output = Command::new("/bin/sh").args(["-euc", &script]).env("MON_BIND", address).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, format!("lets-in-anybody: {lets_in}\n"), "{address:?}: {output:?}");
    }
}
