//! The schemas of Kubernetes itself, by kubernetes-validate from PyPI.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use testkit::tool;

use crate::objects::{BASE, PRODUCTION, build};

const PACKAGE: &str = "kubernetes-validate";
const PACKAGE_VERSION: &str = "1.37.0";
/// The oldest that docs/kubernetes.md promises, and the newest that the package knows.
const KUBERNETES: [&str; 2] = ["1.31.0", "1.37.0"];

#[test]
fn kubernetes_takes_every_object() {
    let Some(validator) = Validator::provide() else { return };
    for folder in [BASE, PRODUCTION] {
        let Some(built) = build(folder) else { return };
        for version in KUBERNETES {
            let Verdict { valid, said } = validator.judge(&built, version);
            assert!(valid, "{folder}, Kubernetes {version}: {said}");
            let passed = said.matches(" passed for resource ").count();
            let unknown: Vec<&str> = said.lines().filter(|line| line.contains("find schema")).collect();
            let of_the_operator = ["ServiceMonitor", "PrometheusRule"];
            let known = |line: &&str| of_the_operator.iter().any(|kind| line.contains(kind));
            assert!(passed >= 12 && unknown.iter().all(known), "{folder}, Kubernetes {version}: {said}");
        }
        for (from, to) in
            [("containerPort: 8000", "containerPort: eight"), ("readOnlyRootFilesystem", "readonlyRootFilesystem")]
        {
            assert!(built.contains(from), "{from}");
            let Verdict { valid, said } = validator.judge(&built.replace(from, to), KUBERNETES[1]);
            assert!(!valid, "{to} is taken: {said}");
        }
    }
}

/// The Python that has the package.
struct Validator(PathBuf);

/// What the validator says of objects.
struct Verdict {
    /// Whether they pass.
    valid: bool,
    /// All that it wrote.
    said: String,
}

impl Validator {
    /// Installs the package once, into the target folder; or says on stderr what is skipped.
    ///
    /// # Panics
    /// On a build server, where nothing is skipped.
    fn provide() -> Option<Self> {
        // This program is <target folder>/debug/deps/<test>.
        let target = env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        let folder = target.join("python").join(format!("{PACKAGE}-{PACKAGE_VERSION}"));
        let validator = Self(folder.join("bin/python"));
        match validator.install(&folder) {
            Ok(()) => Some(validator),
            Err(problem) => {
                let sentence = format!("{PACKAGE} cannot be installed ({problem}), so the schemas are not checked");
                assert!(env::var_os("CI").is_none(), "{sentence}");
                eprintln!("SKIPPED: {sentence}");
                None
            }
        }
    }

    fn install(&self, folder: &Path) -> Result<(), String> {
        // A folder that is there may be what an interrupted installation has left.
        let works = |output: Output| output.status.success() && text(&output.stdout).contains(PACKAGE_VERSION);
        if self.command().arg("--version").output().is_ok_and(works) {
            return Ok(());
        }
        let python = tool("python3").ok_or("there is no python3")?;
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(folder))?;
        let requirement = format!("{PACKAGE}=={PACKAGE_VERSION}");
        run(Command::new(&self.0).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            &requirement,
        ]))
    }

    fn judge(&self, objects: &str, version: &str) -> Verdict {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("objects.yaml");
        fs::write(&file, objects).unwrap();
        let output = self.command().args(["--strict", "-k", version]).arg(&file).output().unwrap();
        Verdict { valid: output.status.success(), said: text(&output.stdout) + &text(&output.stderr) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["-m", "kubernetes_validate"]);
        command
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(text(&output.stderr).trim().replace('\n', "; ")) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
