//! `cargo xtask up`: both services, built in release, until a person says stop; and what watches them, if asked for.
//!
//! Rule of thumb: whatever `up` starts, `up` ends, in the order that loses no record. What watches ends first, then
//! inference-service, which delivers its last records; logging-service is there until it has.

mod engine;
mod http;
#[cfg(test)]
mod lifetime_tests;
mod monitoring;
mod ports;
mod service;
mod supervisor;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use terminal::{StopRequest, say, warn};

use self::engine::EngineOption;
use self::monitoring::{Monitoring, MonitoringOptions};
use self::ports::parse_listen;
use self::service::{Origin, ServicePlan};
use self::supervisor::Supervisor;
use crate::installed;
use crate::workspace;

const INFERENCE: &str = "inference-service";
const LOGGING: &str = "logging-service";
/// How long all may take to load their models and open their databases.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long one service may take to answer what it accepted. Longer than a service gives itself.
const STOP_PATIENCE: Duration = Duration::from_secs(40);

/// Where the services listen, and what else is to run.
#[derive(Debug, clap::Args)]
pub(crate) struct UpOptions {
    /// Address of inference-service.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000", value_parser = parse_listen)]
    inference_listen: SocketAddr,
    /// Address of inference-service for gRPC.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8002", value_parser = parse_listen)]
    grpc_listen: SocketAddr,
    /// Address of logging-service.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8001", value_parser = parse_listen)]
    logging_listen: SocketAddr,
    /// What runs the models. auto: ONNX Runtime, which is fetched from PyPI into the target folder; tract where that fails.
    #[arg(long, default_value = "auto")]
    engine: EngineOption,
    /// Folder for all that is kept; relative to the root of the repository.
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    data: PathBuf,
    #[command(flatten)]
    monitoring: MonitoringOptions,
}

/// Builds, starts, waits, tells, watches, stops.
///
/// # Errors
/// Where a port is taken, the build fails, or a service does not get ready, ends by itself, or has to be killed.
pub(crate) fn run(options: &UpOptions) -> Result<()> {
    let data = workspace::root().join(&options.data);
    let programs = workspace::release_folder()?;
    let services = options.plans(&programs);
    let monitoring = options.monitoring.plan(&data, &installed::search_path())?;
    let mut plans: Vec<ServicePlan> =
        services.iter().chain(monitoring.iter().flat_map(|monitoring| &monitoring.plans)).cloned().collect();
    ports::require_different(&plans)?;
    ports::require_free(&plans)?;
    build()?;
    // The build may have taken minutes, and another process may have taken a port.
    ports::require_free(&plans)?;
    if let Some(inference) = plans.iter_mut().find(|plan| plan.name == INFERENCE) {
        inference.arguments.extend(options.engine.arguments(&workspace::target_folder()?)?);
    }
    fs::create_dir_all(&data).with_context(|| format!("{} cannot be created", data.display()))?;
    if let Some(monitoring) = &monitoring {
        monitoring.prepare(&services)?;
    }

    let stop = StopRequest::listen().context("Ctrl-C cannot be listened for")?;
    let started = Instant::now();
    let mut supervisor = Supervisor::start(&plans)?;
    let outcome = supervisor.wait_until_ready(&stop, START_PATIENCE).and_then(|ready| {
        if ready {
            say(welcome(&services, monitoring.as_ref(), started.elapsed()));
            supervisor.watch(&stop)?;
        }
        Ok(())
    });
    let order: Vec<&str> = plans.iter().rev().map(|plan| plan.name).collect();
    say(format_args!("\nStopping {}. Ctrl-C again kills what does not end by itself.", order.join(", then ")));
    let stopped = supervisor.stop(&stop, STOP_PATIENCE);
    if let (Err(_), Err(problem)) = (&outcome, &stopped) {
        warn(problem);
    }
    outcome.and(stopped)?;
    say("All of them have stopped.");
    Ok(())
}

impl UpOptions {
    /// Both services in their starting order.
    fn plans(&self, programs: &Path) -> [ServicePlan; 2] {
        let logging = ServicePlan {
            name: LOGGING,
            program: programs.join(LOGGING),
            listen: self.logging_listen,
            listen_option: "--logging-listen",
            further: Vec::new(),
            arguments: vec!["--database".into(), format!("sqlite:{}", self.data.join("predictions.db").display())],
            origin: Origin::Ours,
        };
        let inference = ServicePlan {
            name: INFERENCE,
            program: programs.join(INFERENCE),
            listen: self.inference_listen,
            listen_option: "--inference-listen",
            further: vec![(self.grpc_listen, "--grpc-listen")],
            arguments: vec![
                "--grpc-listen".into(),
                self.grpc_listen.to_string(),
                "--log-url".into(),
                logging.url(),
                "--spool".into(),
                self.data.join("spool").display().to_string(),
            ],
            origin: Origin::Ours,
        };
        [logging, inference]
    }
}

fn welcome([logging, inference]: &[ServicePlan; 2], monitoring: Option<&Monitoring>, took: Duration) -> String {
    let grpc: String = inference.further.iter().map(|(listen, _)| format!("   gRPC {listen}")).collect();
    let (inference, logging) = (inference.url(), logging.url());
    let monitoring = monitoring.map(|monitoring| format!("{}\n", monitoring.welcome())).unwrap_or_default();
    format!(
        "
Both services are ready after {took:.1?}.

  inference-service   {inference}/predict       {inference}/metrics   {inference}/health{grpc}
  logging-service     {logging}/predictions   {logging}/metrics   {logging}/health

A first prediction, from the root of the repository, and its row in the prediction log:

  curl --data-binary @deploy/models/cifar10/examples/cat.jpg -H 'content-type: image/jpeg' {inference}/predict
  curl '{logging}/predictions?limit=1'

{monitoring}Ctrl-C stops everything.
"
    )
}

fn build() -> Result<()> {
    say("Building both services in release: about 9 minutes the first time on two cores, seconds afterwards.");
    let status = workspace::cargo().args(["build", "--release", "-p", INFERENCE, "-p", LOGGING]).status();
    let status = status.context("cargo cannot be started")?;
    if !status.success() {
        bail!("the services do not build ({status}); cargo says why, above");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use clap::Parser;

    use super::*;

    fn plans(inference: &str, logging: &str) -> [ServicePlan; 2] {
        let listen = ["--inference-listen", inference, "--logging-listen", logging, "--grpc-listen", "127.0.0.1:9002"];
        let line = ["up", "--data", "kept"].into_iter().chain(listen);
        UpLine::try_parse_from(line).unwrap().options.plans(Path::new("/"))
    }

    #[derive(clap::Parser)]
    struct UpLine {
        #[command(flatten)]
        options: UpOptions,
    }

    #[test]
    fn records_go_to_where_logging_service_can_be_reached() {
        for (listen, url) in [
            ("127.0.0.1:9001", "http://127.0.0.1:9001"),
            ("0.0.0.0:9001", "http://127.0.0.1:9001"),
            ("[::]:9001", "http://[::1]:9001"),
        ] {
            let [logging, inference] = plans("127.0.0.1:9000", listen);
            let expected = ["--grpc-listen", "127.0.0.1:9002", "--log-url", url, "--spool", "kept/spool"];
            assert_eq!(inference.arguments, expected);
            assert_eq!(inference.further, [("127.0.0.1:9002".parse().unwrap(), "--grpc-listen")]);
            assert_eq!(logging.arguments, ["--database", "sqlite:kept/predictions.db"]);
        }
    }

    #[test]
    fn the_welcome_names_the_addresses_that_were_chosen() {
        let text = welcome(&plans("127.0.0.1:9000", "0.0.0.0:9001"), None, Duration::from_millis(840));
        assert!(text.contains("image/jpeg' http://127.0.0.1:9000/predict\n"), "{text}");
        assert!(text.contains("gRPC 127.0.0.1:9002\n"), "{text}");
        assert!(text.contains("curl 'http://127.0.0.1:9001/predictions?limit=1'\n"), "{text}");
        assert!(!text.contains(":8000") && !text.contains(":8001") && !text.contains("0.0.0.0"), "{text}");
    }

    #[test]
    fn places_of_tools_are_asked_for_only_where_tools_run() {
        for option in ["--prometheus-listen", "--alertmanager-listen", "--node-exporter-listen"] {
            assert!(UpLine::try_parse_from(["up", option, "127.0.0.1:9000"]).is_err(), "{option}");
            assert!(UpLine::try_parse_from(["up", "--monitoring", option, "127.0.0.1:9000"]).is_ok(), "{option}");
        }
    }
}
