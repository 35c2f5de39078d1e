//! The whole stack in containers of this machine, under names of its own, and gone without a trace afterwards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{self, Output};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use testkit::{HttpRequest, free_address, program, root, skip_without, wait_until};

use crate::compose::{Compose, FILE, LOCAL};
use crate::engine::DockerEngine;

/// The services that are reached from outside, and the variable with the port of each.
const PORTS: [(&str, &str); 8] = [
    ("inference-service", "INFERENCE_PORT"),
    ("logging-service", "LOGGING_PORT"),
    ("prometheus", "PROMETHEUS_PORT"),
    ("alertmanager", "ALERTMANAGER_PORT"),
    ("grafana", "GRAFANA_PORT"),
    ("loki", "LOKI_PORT"),
    ("alloy", "ALLOY_PORT"),
    ("node-exporter", "NODE_EXPORTER_PORT"),
];
/// Programs that the stand-ins are made of.
const STAND_INS: [&str; 6] =
    ["busybox", "haproxy", "prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "strip"];
const PATIENCE: Duration = Duration::from_secs(120);

/// A running stack. Its containers, volumes, networks and images are removed when this is dropped.
pub(crate) struct Stack {
    name: String,
    engine: &'static DockerEngine,
    compose: Compose,
    addresses: BTreeMap<&'static str, SocketAddr>,
}

impl Stack {
    /// Makes the images, starts everything and waits until all of it is healthy; or says what is skipped.
    pub(crate) async fn start() -> Option<Self> {
        let what = "the stack in containers";
        for name in STAND_INS {
            skip_without(name, what)?;
        }
        let compose = Compose::provide(what)?;
        let engine = DockerEngine::provide(what)?;
        let name = format!("glasshouse-test-{}", process::id());
        let addresses: BTreeMap<_, _> = PORTS.into_iter().map(|(service, _)| (service, free_address())).collect();
        let ports = PORTS.into_iter().map(|(service, variable)| (variable, addresses[service].port().to_string()));
        let grpc = ("GRPC_PORT", free_address().port().to_string());
        let names = ["STAND_IN_TAG", "GLASSHOUSE_TAG", "GLASSHOUSE_ENV"].map(|variable| (variable, name.clone()));
        let engines = engine.environment.iter().map(|(name, value)| (*name, value.clone()));
        let compose = compose.with(ports.chain(names).chain([grpc]).chain(engines).collect());
        let stack = Self { name, engine, compose, addresses };

        let programs = program("inference-service").parent().unwrap().to_owned();
        let mut stand_ins = engine.command(root().join("deploy/docker/stand-ins.sh"));
        let made = stand_ins.arg(&stack.name).arg(programs).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        stack.compose(&["up", "-d"]);
        stack.becomes_healthy().await;
        Some(stack)
    }

    /// Runs a command on the stack, which has to succeed.
    pub(crate) fn compose(&self, arguments: &[&str]) -> String {
        self.compose.run(&[&self.project()[..], arguments].concat())
    }

    /// Runs a shell command in a container.
    pub(crate) fn shell(&self, service: &str, script: &str) -> Output {
        let container = &self.containers(service)[0];
        self.engine.command("docker").args(["exec", container, "sh", "-c", script]).output().unwrap()
    }

    /// What the engine knows of the container of a service.
    pub(crate) fn inspect(&self, service: &str) -> Value {
        let known: Value =
            serde_json::from_str(&self.engine.docker(&["inspect", &self.containers(service)[0]])).unwrap();
        known[0].clone()
    }

    fn project(&self) -> [&str; 6] {
        ["-p", &self.name, "-f", FILE, "-f", LOCAL]
    }

    /// The ids of the containers of a service; of an empty name, those of all.
    fn containers(&self, service: &str) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let service = match service {
            "" => "label=com.docker.compose.service".to_owned(),
            name => format!("label=com.docker.compose.service={name}"),
        };
        let ids = self.engine.docker(&["ps", "-a", "-q", "--no-trunc", "--filter", &project, "--filter", &service]);
        ids.lines().map(str::to_owned).collect()
    }

    /// Waits until each container's own check is content.
    pub(crate) async fn becomes_healthy(&self) {
        let ids = self.containers("");
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let format = "{{.Name}} {{.State.Status}} {{.State.Health.Status}}";
        let state = || self.engine.docker(&[&["inspect", "--format", format], &ids[..]].concat());
        wait_until("all containers are healthy", PATIENCE, async || {
            state().lines().all(|line| line.ends_with(" running healthy"))
        })
        .await;
        assert_eq!(ids.len(), PORTS.len() + 1, "one for each service, and the guard of the Docker engine");
    }

    /// Where a service is reached from outside.
    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        self.addresses[service]
    }

    /// Asks a service from outside; the answer is JSON.
    pub(crate) async fn get(&self, service: &str, path: &str) -> Value {
        let answer = HttpRequest::get(path).send(self.addresses[service]).await;
        let answer = answer.unwrap_or_else(|failure| panic!("{service}{path}: {failure:?}"));
        assert_eq!(answer.status, 200, "{service}{path}: {}", answer.text());
        answer.json()
    }

    /// Bytes of the image that a service runs.
    pub(crate) fn image_bytes(&self, service: &str) -> u64 {
        let image = format!("glasshouse/{service}:{}", self.name);
        self.engine.docker(&["image", "inspect", "--format", "{{.Size}}", &image]).trim().parse().unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if thread::panicking() {
            for arguments in [&["ps"][..], &["logs", "--tail", "50"]] {
                eprintln!("{}", text(&self.compose.output(&[&self.project()[..], arguments].concat()).stdout));
            }
        }
        // A panic here would hide the one that a test has failed with, so it says what is left and goes on.
        let down = ["down", "-v", "--remove-orphans", "-t", "5"];
        let output = self.compose.output(&[&self.project()[..], &down].concat());
        if !output.status.success() {
            eprintln!("the containers of {} are left: {}", self.name, text(&output.stderr));
        }
        // An image that others are built on goes after them.
        let label = format!("label=glasshouse.stand-in={}", self.name);
        for _ in 0..10 {
            let ids = self.engine.docker(&["images", "-a", "-q", "--no-trunc", "--filter", &label]);
            let ids: Vec<&str> = ids.lines().collect();
            if ids.is_empty() {
                return;
            }
            // One that others are built on refuses until they are gone; the next round asks again.
            let _ = self.engine.command("docker").args(["rmi", "-f"]).args(ids).output();
        }
        eprintln!("images with the {label} are left");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
