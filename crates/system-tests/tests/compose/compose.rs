//! docker-compose, run in the root of the repository.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use testkit::{root, skip_without};

/// What users start.
pub(crate) const FILE: &str = "docker-compose.monitoring.yml";
/// What puts images that are made here in place of those that are pulled.
pub(crate) const LOCAL: &str = "deploy/docker/compose.local.yml";
/// Of the environment, what it needs to run and to find Docker; nothing that the files ask for.
const KEPT: [&str; 4] = ["PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG"];
/// More than anything here takes; it ends what hangs.
const PATIENCE_SECONDS: &str = "270";

/// The program, with what it finds in its environment.
pub(crate) struct Compose {
    program: PathBuf,
    environment: BTreeMap<&'static str, String>,
}

impl Compose {
    /// Finds the program, or says on stderr that `what` is not tested.
    pub(crate) fn provide(what: &str) -> Option<Self> {
        Some(Self { program: skip_without("docker-compose", what)?, environment: BTreeMap::new() })
    }

    /// Sets variables that the file asks for.
    pub(crate) fn with(self, environment: BTreeMap<&'static str, String>) -> Self {
        Self { environment, ..self }
    }

    /// Runs a command that has to succeed, and returns what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker-compose {arguments:?}: {} {said}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        let kept = env::vars_os().filter(|(name, _)| KEPT.iter().any(|kept| name == kept));
        let mut command = Command::new("timeout");
        command.arg(PATIENCE_SECONDS).arg(&self.program).args(arguments).current_dir(root());
        command.env_clear().envs(kept).envs(&self.environment).output().unwrap()
    }

    /// The files after all variables, anchors and overrides.
    pub(crate) fn config(&self, files: &[&str]) -> Value {
        let text = self.run(&[files, &["config"]].concat());
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}
