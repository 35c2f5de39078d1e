//! `cargo xtask up --monitoring`: what Docker would run around the services, as far as Debian has it, on the shipped
//! configuration.
//!
//! Rule of thumb: what does not run here is said. No job is left out in silence.

mod config_file;
mod shipped;

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::shipped::Place;
use super::http;
use super::ports::parse_listen;
use super::service::{Origin, ServicePlan};
use crate::installed;
use crate::workspace;

/// Jobs of prometheus.yml whose tools Debian does not have.
const DOCKER_ONLY: [&str; 3] = ["grafana", "loki", "alloy"];
/// The folder with the changed configuration.
const CONFIG: &str = "config";
const PROMETHEUS: MonitoringTool = MonitoringTool {
    name: "prometheus",
    programs: &["prometheus"],
    listen_option: "--monitoring --prometheus-listen",
    ready_path: "/-/ready",
};
const ALERTMANAGER: MonitoringTool = MonitoringTool {
    name: "alertmanager",
    programs: &["prometheus-alertmanager", "alertmanager"],
    listen_option: "--monitoring --alertmanager-listen",
    ready_path: "/-/ready",
};
const NODE_EXPORTER: MonitoringTool = MonitoringTool {
    name: "node-exporter",
    programs: &["prometheus-node-exporter", "node_exporter"],
    listen_option: "--monitoring --node-exporter-listen",
    ready_path: "/",
};

/// Whether the services are watched, and from where.
#[derive(Debug, clap::Args)]
pub(super) struct MonitoringOptions {
    /// Also run Prometheus, Alertmanager and node-exporter, where they are installed, on the shipped configuration.
    #[arg(long)]
    monitoring: bool,
    /// Address of Prometheus.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090", value_parser = parse_listen,
          requires = "monitoring")]
    prometheus_listen: SocketAddr,
    /// Address of Alertmanager.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9093", value_parser = parse_listen,
          requires = "monitoring")]
    alertmanager_listen: SocketAddr,
    /// Address of node-exporter.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9100", value_parser = parse_listen,
          requires = "monitoring")]
    node_exporter_listen: SocketAddr,
}

impl MonitoringOptions {
    /// What is to run, found in a search path, or `None` where nothing was asked for.
    ///
    /// # Errors
    /// Where Prometheus or Alertmanager is not installed.
    pub(super) fn plan(&self, data: &Path, search_path: &OsStr) -> Result<Option<Monitoring>> {
        if !self.monitoring {
            return Ok(None);
        }
        let folder = data.join("monitoring");
        let config = folder.join(CONFIG);
        let find = |tool: &MonitoringTool, listen| tool.plan(listen, &folder, search_path);
        let mut node_exporter = find(&NODE_EXPORTER, self.node_exporter_listen);
        let (Some(mut prometheus), Some(mut alertmanager)) =
            (find(&PROMETHEUS, self.prometheus_listen), find(&ALERTMANAGER, self.alertmanager_listen))
        else {
            bail!(
                "--monitoring needs Prometheus and Alertmanager (Debian packages prometheus and \
                 prometheus-alertmanager), and not both are installed; without --monitoring the services, their \
                 /metrics and the prediction log work all the same"
            );
        };
        if let Some(node_exporter) = &mut node_exporter {
            // Debian's asks systemd as well, and complains at each scrape where there is none.
            node_exporter.arguments = vec!["--no-collector.systemd".into()];
        }
        alertmanager.arguments = vec![
            format!("--config.file={}", config.join("deploy/alertmanager/alertmanager.yml").display()),
            format!("--storage.path={}", folder.join("alertmanager").display()),
            format!("--web.external-url={}", alertmanager.url()),
            // There is only one, which needs no port to find others.
            "--cluster.listen-address=".into(),
        ];
        prometheus.arguments = vec![
            format!("--config.file={}", config.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", folder.join("prometheus").display()),
            // The objectives look back 30 days; the size is one for a machine that people work on.
            "--storage.tsdb.retention.time=45d".into(),
            "--storage.tsdb.retention.size=2GB".into(),
            "--enable-feature=exemplar-storage".into(),
            format!("--web.external-url={}", prometheus.url()),
        ];
        // What watches ends first, so that it raises no alert about a service that ends on request.
        let plans = node_exporter.into_iter().chain([alertmanager, prometheus]).collect();
        Ok(Some(Monitoring { plans, folder }))
    }
}

/// The tools that are to run.
pub(super) struct Monitoring {
    /// In their starting order.
    pub(super) plans: Vec<ServicePlan>,
    /// Configuration, data and logs of all of them.
    folder: PathBuf,
}

impl Monitoring {
    /// Writes the configuration anew, for these services and the tools themselves.
    ///
    /// # Errors
    /// Where it cannot be written, or the shipped one is not as it is known here.
    pub(super) fn prepare(&self, services: &[ServicePlan]) -> Result<()> {
        let (root, config) = (workspace::root(), self.folder.join(CONFIG));
        // A rule file that is no longer shipped must not be read again.
        if config.exists() {
            fs::remove_dir_all(&config).with_context(|| format!("{} cannot be emptied", config.display()))?;
        }
        let here = services.iter().chain(&self.plans).map(|plan| (plan.name, Place::At(plan.reached_at())));
        let elsewhere = self.left_out().into_iter().map(|name| (name, Place::NotHere));
        let places: Vec<_> = here.chain(elsewhere).collect();
        shipped::write_prometheus(root, &config, &places)?;
        shipped::write_alertmanager(root, &config, &root.join("deploy/secrets"))?;
        Ok(())
    }

    /// What to look at, and what is missing.
    pub(super) fn welcome(&self) -> String {
        let lines: Vec<String> = self.plans.iter().rev().map(look_at).collect();
        let mut text = format!("Watched, with the shipped rules and alerts:\n\n{}\n", lines.join("\n"));
        text.push_str(&format!("\nNot here, because only Docker runs them: {}.\n", DOCKER_ONLY.join(", ")));
        if self.left_out().contains(&NODE_EXPORTER.name) {
            text.push_str(
                "Not installed: node-exporter (Debian package prometheus-node-exporter). Everything but the metrics \
                 and alerts of this machine's processor, memory and disks works without.\n",
            );
        }
        text.push_str(&format!("Configuration, data and logs are in {}.\n", self.folder.display()));
        text
    }

    /// Jobs of prometheus.yml that are of no use here.
    fn left_out(&self) -> Vec<&'static str> {
        let node_exporter =
            (!self.plans.iter().any(|plan| plan.name == NODE_EXPORTER.name)).then_some(NODE_EXPORTER.name);
        DOCKER_ONLY.into_iter().chain(node_exporter).collect()
    }
}

/// A tool of the Prometheus family.
struct MonitoringTool {
    /// The service of docker-compose.monitoring.yml and the job of prometheus.yml.
    name: &'static str,
    /// What Debian calls it, and what its makers do.
    programs: &'static [&'static str],
    listen_option: &'static str,
    ready_path: &'static str,
}

impl MonitoringTool {
    /// How it is started, where it is installed.
    fn plan(&self, listen: SocketAddr, folder: &Path, search_path: &OsStr) -> Option<ServicePlan> {
        let program = self.programs.iter().find_map(|program| installed::find(program, search_path))?;
        let log = folder.join(format!("{}.log", self.name));
        Some(ServicePlan {
            name: self.name,
            program,
            listen,
            listen_option: self.listen_option,
            further: Vec::new(),
            arguments: Vec::new(),
            origin: Origin::Tool { ready_path: self.ready_path, log },
        })
    }
}

/// The line that says which pages of a running tool are worth a look.
fn look_at(plan: &ServicePlan) -> String {
    let url = plan.url();
    let pages = if plan.name == PROMETHEUS.name {
        // Debian's has its pages elsewhere.
        let base = if http::answers_ok(plan.reached_at(), "/targets") { url } else { format!("{url}/classic") };
        format!("{base}/targets   {base}/rules   {base}/alerts")
    } else if plan.name == ALERTMANAGER.name {
        // Debian's has no pages, and amtool in their place.
        format!("{url}   amtool alert --alertmanager.url={url}")
    } else {
        format!("{url}/metrics")
    };
    format!("  {:<17}   {pages}", plan.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clap::Parser;
    use tempfile::TempDir;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        options: MonitoringOptions,
    }

    /// What is planned where only these programs are installed.
    fn plan(line: &[&str], programs: &[&str]) -> Result<Option<Monitoring>> {
        let folder = TempDir::new().unwrap();
        for program in programs {
            fs::write(folder.path().join(program), "").unwrap();
        }
        CommandLine::parse_from(line).options.plan(Path::new("/data"), folder.path().as_os_str())
    }

    fn names(monitoring: &Monitoring) -> Vec<&str> {
        monitoring.plans.iter().map(|plan| plan.name).collect()
    }

    #[test]
    fn what_watches_starts_last_so_that_it_ends_first() {
        let debian = ["prometheus", "prometheus-alertmanager", "prometheus-node-exporter"];
        let monitoring = plan(&["up", "--monitoring"], &debian).unwrap().unwrap();
        assert_eq!(names(&monitoring), ["node-exporter", "alertmanager", "prometheus"]);
        assert_eq!(monitoring.left_out(), DOCKER_ONLY);
        assert!(plan(&["up"], &debian).unwrap().is_none(), "nobody asked for it");
    }

    #[test]
    fn node_exporter_may_be_missing_and_that_is_said() {
        let monitoring = plan(&["up", "--monitoring"], &["prometheus", "alertmanager"]).unwrap().unwrap();
        assert_eq!(names(&monitoring), ["alertmanager", "prometheus"]);
        assert_eq!(monitoring.left_out(), ["grafana", "loki", "alloy", "node-exporter"]);
        assert!(monitoring.welcome().contains("Debian package prometheus-node-exporter"), "{}", monitoring.welcome());
    }

    #[test]
    fn a_program_that_cannot_be_missing_is_named_with_its_package_and_what_works_without() {
        for programs in [&["prometheus"][..], &["prometheus-alertmanager"], &[]] {
            let message = plan(&["up", "--monitoring"], programs).map(|_| ()).unwrap_err().to_string();
            for part in ["Debian packages prometheus and prometheus-alertmanager", "without --monitoring the services"]
            {
                assert!(message.contains(part), "{message}");
            }
        }
    }
}
