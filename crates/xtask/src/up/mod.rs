//! `cargo xtask up`: both services, built in release, until somebody says stop.
//!
//! Rule of thumb: whatever `up` starts, `up` ends, in the order that loses no record. inference-service ends
//! first and delivers its last records; logging-service is there until it has.

#[cfg(test)]
mod lifetime_tests;
mod ports;
mod service;
mod supervisor;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use self::service::ServicePlan;
use self::supervisor::Supervisor;
use crate::console::{say, warn};
use crate::stop_request::StopRequest;
use crate::workspace;

/// How long both may take to load their models and open their database.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long one service may take to answer what it accepted. Longer than a service gives itself.
const STOP_PATIENCE: Duration = Duration::from_secs(40);

/// Where the services listen.
#[derive(Debug, clap::Args)]
pub(crate) struct UpOptions {
    /// Address of inference-service.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000", value_parser = parse_listen)]
    inference_listen: SocketAddr,
    /// Address of logging-service.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8001", value_parser = parse_listen)]
    logging_listen: SocketAddr,
}

/// Builds, starts, waits, tells, watches, stops.
///
/// # Errors
/// Where a port is taken, the build fails, or a service does not get ready, ends by itself, or has to be killed.
pub(crate) fn run(options: &UpOptions) -> Result<()> {
    let plans = options.plans(&workspace::release_folder()?)?;
    ports::require_free(&plans)?;
    build()?;
    // The build may have taken minutes, and the ports may have gone to somebody else.
    ports::require_free(&plans)?;
    let data = workspace::root().join("data");
    fs::create_dir_all(&data).with_context(|| format!("{} cannot be created", data.display()))?;

    let stop = StopRequest::listen().context("Ctrl-C cannot be listened for")?;
    let started = Instant::now();
    let mut supervisor = Supervisor::start(&plans)?;
    let outcome = supervisor.wait_until_ready(&stop, START_PATIENCE).and_then(|ready| {
        if ready {
            say(options.welcome(started.elapsed()));
            supervisor.watch(&stop)?;
        }
        Ok(())
    });
    say("\nStopping: inference-service first, then logging-service. Ctrl-C again kills what does not end by itself.");
    let stopped = supervisor.stop(&stop, STOP_PATIENCE);
    if let (Err(_), Err(problem)) = (&outcome, &stopped) {
        warn(problem);
    }
    outcome.and(stopped)?;
    say("Both services have stopped.");
    Ok(())
}

impl UpOptions {
    /// Both services in their starting order.
    fn plans(&self, programs: &Path) -> Result<[ServicePlan; 2]> {
        let (inference, logging) = (self.inference_listen, self.logging_listen);
        let same_host =
            inference.ip() == logging.ip() || inference.ip().is_unspecified() || logging.ip().is_unspecified();
        ensure!(
            !(same_host && inference.port() == logging.port()),
            "both services were given port {}: choose two different ones",
            logging.port()
        );
        Ok([
            ServicePlan {
                name: "logging-service",
                program: programs.join("logging-service"),
                listen: logging,
                listen_option: "--logging-listen",
                arguments: vec!["--database".into(), "sqlite:data/predictions.db".into()],
            },
            ServicePlan {
                name: "inference-service",
                program: programs.join("inference-service"),
                listen: inference,
                listen_option: "--inference-listen",
                arguments: vec!["--log-url".into(), base_url(logging)],
            },
        ])
    }

    fn welcome(&self, took: Duration) -> String {
        let (inference, logging) = (base_url(self.inference_listen), base_url(self.logging_listen));
        format!(
            "
Both services are ready after {took:.1?}.

  inference-service   {inference}/predict       {inference}/metrics   {inference}/health
  logging-service     {logging}/predictions   {logging}/metrics   {logging}/health

A first prediction, from the root of the repository, and its row in the prediction log:

  curl --data-binary @deploy/models/cifar10/examples/cat.jpg -H 'content-type: image/jpeg' {inference}/predict
  curl '{logging}/predictions?limit=1'

Ctrl-C stops both.
"
        )
    }
}

fn build() -> Result<()> {
    say("Building both services in release. The first time takes some minutes.");
    let status = workspace::cargo()
        .args(["build", "--release", "-p", "inference-service", "-p", "logging-service"])
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!("the services do not build ({status}); cargo says why, above");
    }
    Ok(())
}

/// The address under which this machine reaches a service that listens on `listen`.
fn base_url(mut listen: SocketAddr) -> String {
    match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(address) if address.is_unspecified() => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{listen}")
}

/// Port 0 would be a port that nobody else is told.
fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => Err("a port from 1 to 65535 is needed".into()),
        Ok(address) => Ok(address),
        Err(_) => Err("an address and a port are needed, such as 127.0.0.1:8010".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn options(inference: &str, logging: &str) -> UpOptions {
        UpOptions { inference_listen: parse_listen(inference).unwrap(), logging_listen: parse_listen(logging).unwrap() }
    }

    #[test]
    fn an_address_needs_an_ip_and_a_port_that_can_be_named() {
        for refused in ["", "8000", "localhost:8000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "[::1]"] {
            assert!(parse_listen(refused).is_err(), "{refused:?} was taken");
        }
        assert!(parse_listen("[::1]:8000").is_ok());
    }

    #[test]
    fn two_services_on_one_port_are_refused_before_anything_is_built() {
        let programs = Path::new("/");
        for (inference, logging) in
            [("127.0.0.1:8000", "127.0.0.1:8000"), ("0.0.0.0:8000", "127.0.0.1:8000"), ("127.0.0.1:8000", "[::]:8000")]
        {
            assert!(options(inference, logging).plans(programs).is_err(), "{inference} with {logging}");
        }
        assert!(options("127.0.0.1:8000", "127.0.0.2:8000").plans(programs).is_ok());
    }

    #[test]
    fn records_go_to_where_logging_service_can_be_reached() {
        for (listen, url) in [
            ("127.0.0.1:9001", "http://127.0.0.1:9001"),
            ("0.0.0.0:9001", "http://127.0.0.1:9001"),
            ("[::]:9001", "http://[::1]:9001"),
        ] {
            let plans = options("127.0.0.1:9000", listen).plans(Path::new("/")).unwrap();
            assert_eq!(plans[1].arguments, ["--log-url", url]);
        }
    }

    #[test]
    fn the_welcome_names_the_addresses_that_were_chosen() {
        let text = options("127.0.0.1:9000", "0.0.0.0:9001").welcome(Duration::from_millis(840));
        assert!(text.contains("image/jpeg' http://127.0.0.1:9000/predict\n"), "{text}");
        assert!(text.contains("curl 'http://127.0.0.1:9001/predictions?limit=1'\n"), "{text}");
        assert!(!text.contains(":8000") && !text.contains(":8001") && !text.contains("0.0.0.0"), "{text}");
    }
}
