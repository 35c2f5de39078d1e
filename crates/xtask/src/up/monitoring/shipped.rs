//! The shipped configuration of Prometheus and Alertmanager, for processes on this machine instead of containers.
//!
//! Rule of thumb: what is shipped is what runs. Only what must differ is changed, in the text itself.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::config_file::ConfigFile;

const TARGETS: &str = "deploy/prometheus/targets";

/// Where the service of a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is reached here.
    At(SocketAddr),
    /// It does not run, so its job is left out.
    NotHere,
}

/// Writes prometheus.yml for these places and all rule files as they are, and says where the first is. `places` are
/// of every service that prometheus.yml names.
///
/// The lists of further targets in `deploy/prometheus/targets` stay behind: they would scrape these services twice.
/// The folder itself is there, because Prometheus watches it.
///
/// # Errors
/// Where a file cannot be read or written, a service of `places` is not in prometheus.yml, or one of prometheus.yml
/// not in `places`.
pub(super) fn write_prometheus(root: &Path, folder: &Path, places: &[(&str, Place)]) -> Result<PathBuf> {
    let mut main = ConfigFile::read(root, "prometheus.yml")?;
    for (service, place) in places {
        match place {
            Place::At(address) => main.point(service, *address)?,
            Place::NotHere => main.leave_out_job(service)?,
        }
    }
    main.require_addresses()?;
    ConfigFile::read(root, "alert_rules.yml")?.write(folder)?;
    copy_folder(root, folder, "deploy/prometheus", "yml")?;
    fs::create_dir_all(folder.join(TARGETS)).with_context(|| format!("{TARGETS} cannot be made"))?;
    main.write(folder)
}

/// Writes alertmanager.yml, which finds its secrets in the folder `secrets`, and its templates; says where the first
/// is.
///
/// # Errors
/// Where a file cannot be read or written, or alertmanager.yml names no secret.
pub(super) fn write_alertmanager(root: &Path, folder: &Path, secrets: &Path) -> Result<PathBuf> {
    let mut main = ConfigFile::read(root, "deploy/alertmanager/alertmanager.yml")?;
    main.replace("/run/secrets/", &format!("{}/", secrets.display()))?;
    copy_folder(root, folder, "deploy/alertmanager/templates", "tmpl")?;
    main.write(folder)
}

/// Copies the files with this extension that lie directly in a folder of the repository.
fn copy_folder(root: &Path, folder: &Path, from: &str, extension: &str) -> Result<()> {
    let entries = fs::read_dir(root.join(from)).with_context(|| format!("{from} cannot be listed"))?;
    for entry in entries {
        let path = Path::new(from).join(entry?.file_name());
        if path.extension().is_some_and(|other| other == extension) {
            ConfigFile::read(root, path)?.write(folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use tempfile::TempDir;

    use super::*;
    use crate::workspace;

    const SERVICES: [&str; 8] = [
        "inference-service",
        "logging-service",
        "prometheus",
        "alertmanager",
        "node-exporter",
        "grafana",
        "loki",
        "alloy",
    ];

    fn places() -> Vec<(&'static str, Place)> {
        let here = |port| Place::At(SocketAddr::from(([127, 0, 0, 1], port)));
        SERVICES.into_iter().zip((20_000..).map(here)).collect()
    }

    fn written(places: &[(&str, Place)]) -> Result<(TempDir, String)> {
        let folder = TempDir::new().unwrap();
        let path = write_prometheus(workspace::root(), folder.path(), places)?;
        let text = fs::read_to_string(path).unwrap();
        Ok((folder, text))
    }

    #[test]
    fn prometheus_runs_on_what_is_shipped_but_for_addresses_and_jobs_left_out() {
        let shipped = fs::read_to_string(workspace::root().join("prometheus.yml")).unwrap();
        let (_, text) = written(&places()).unwrap();
        assert_eq!(text.lines().count(), shipped.lines().count());
        let different: Vec<_> = shipped.lines().zip(text.lines()).filter(|(old, new)| old != new).collect();
        // Alertmanager is scraped, and it is notified.
        assert_eq!(different.len(), SERVICES.len() + 1, "{different:?}");
        assert!(different.iter().all(|(_, new)| new.contains("targets: ['127.0.0.1:2000")), "{different:?}");

        let mut fewer = places();
        fewer[5].1 = Place::NotHere;
        let (_, text) = written(&fewer).unwrap();
        assert!(!text.contains("grafana") && text.contains("job_name: loki"), "{text}");
    }

    #[test]
    fn a_service_of_the_configuration_that_nobody_has_placed_is_named() {
        let message = written(&places()[1..]).unwrap_err().to_string();
        assert!(message.contains("inference-service:8000"), "{message}");
        let mut more = places();
        more.push(("tempo", Place::NotHere));
        let message = written(&more).unwrap_err().to_string();
        assert!(message.contains("no job tempo"), "{message}");
    }

    #[test]
    fn rules_lie_as_prometheus_refers_to_them_and_are_as_shipped() {
        let (folder, _) = written(&places()).unwrap();
        for path in ["alert_rules.yml", "deploy/prometheus/recording_rules.yml", "deploy/prometheus/slo_rules.yml"] {
            let copy = fs::read(folder.path().join(path)).unwrap();
            assert_eq!(copy, fs::read(workspace::root().join(path)).unwrap(), "{path}");
        }
        assert_eq!(fs::read_dir(folder.path().join(TARGETS)).unwrap().count(), 0);
    }

    #[test]
    fn alertmanager_finds_its_secrets_and_templates() {
        let folder = TempDir::new().unwrap();
        let path = write_alertmanager(workspace::root(), folder.path(), Path::new("/elsewhere")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("_file: /elsewhere/") && !text.contains("/run/secrets/"), "{text}");
        assert!(text.contains("- templates/*.tmpl"), "{text}");
        assert!(path.parent().unwrap().join("templates/links.tmpl").is_file());
    }
}
