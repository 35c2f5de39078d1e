//! The life of the services, played by small shell scripts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::service::{Origin, ServicePlan};
use super::supervisor::Supervisor;
use terminal::StopRequest;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

/// A service that is ready once it listens for SIGTERM, and writes its name into `ended` on its way out.
const GOOD: &str = r#"trap 'echo NAME >> DIR/ended; kill $!; exit 0' TERM
sleep 1000 & touch DIR/NAME.ready; wait"#;
/// One that takes no notice of SIGTERM.
const STUBBORN: &str = "trap '' TERM; touch DIR/NAME.ready; while :; do sleep 1000; done";
/// One that never gets ready.
const LATE: &str = "trap 'kill $!; exit 0' TERM; sleep 1000 & wait";
/// One that ends with an error once it was ready.
const BROKEN: &str = "touch DIR/NAME.ready; exit 7";
/// One that fails while it ends.
const FAILING: &str = "trap 'kill $!; exit 9' TERM; sleep 1000 & touch DIR/NAME.ready; wait";

struct Stage {
    folder: TempDir,
    plans: Vec<ServicePlan>,
}

impl Stage {
    fn new(logging: &str, inference: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let plans = [("logging-service", logging), ("inference-service", inference)]
            .map(|(name, script)| plan(folder.path(), name, script))
            .into();
        Self { folder, plans }
    }

    fn start(&self) -> Supervisor {
        Supervisor::start(&self.plans).unwrap()
    }

    /// Starts and waits until all scripts listen for signals.
    fn ready(&self) -> Supervisor {
        let mut supervisor = self.start();
        assert!(supervisor.wait_until_ready(&StopRequest::default(), LONG).unwrap());
        supervisor
    }

    fn ended(&self) -> String {
        fs::read_to_string(self.folder.path().join("ended")).unwrap_or_default()
    }
}

/// The program is a link to one script that exists, because a program that was written a moment ago can
/// still be open for writing in a process that another test starts, and then cannot be run.
fn plan(folder: &Path, name: &'static str, script: &str) -> ServicePlan {
    let script = script.replace("NAME", name).replace("DIR", folder.to_str().unwrap());
    let program = folder.join(name);
    fs::write(program.with_extension("script"), script).unwrap();
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/up/stand_in.sh"), &program).unwrap();
    let listen = "127.0.0.1:1".parse().unwrap();
    let (further, arguments) = (Vec::new(), Vec::new());
    ServicePlan { name, program, listen, listen_option: "--unused", further, arguments, origin: Origin::Ours }
}

#[test]
fn the_last_started_ends_first() {
    let stage = Stage::new(GOOD, GOOD);
    let mut supervisor = stage.ready();
    let stop = StopRequest::default();
    stop.ask();
    supervisor.watch(&stop).unwrap();
    supervisor.stop(&stop, LONG).unwrap();
    assert_eq!(stage.ended(), "inference-service\nlogging-service\n");
}

#[test]
fn a_service_that_ends_by_itself_is_named_with_its_status_and_the_other_is_stopped() {
    let stage = Stage::new(GOOD, BROKEN);
    let mut supervisor = stage.start();
    let stop = StopRequest::default();
    // The broken one may end before or after it was seen ready.
    let outcome = supervisor.wait_until_ready(&stop, LONG).and_then(|_| supervisor.watch(&stop));
    let message = outcome.unwrap_err().to_string();
    assert!(message.contains("inference-service has ended by itself (exit status: 7)"), "{message}");
    supervisor.stop(&stop, LONG).unwrap();
    assert!(!stage.ended().contains("inference-service"));
}

#[test]
fn a_service_that_never_gets_ready_is_named() {
    let stage = Stage::new(LATE, GOOD);
    let mut supervisor = stage.start();
    let message = supervisor.wait_until_ready(&StopRequest::default(), SHORT).unwrap_err().to_string();
    assert!(message.starts_with("logging-service is not ready after"), "{message}");
    supervisor.stop(&StopRequest::default(), LONG).unwrap();
}

#[test]
fn a_request_to_stop_ends_the_wait_for_readiness() {
    let stage = Stage::new(LATE, LATE);
    let mut supervisor = stage.start();
    let stop = StopRequest::default();
    stop.ask();
    assert!(!supervisor.wait_until_ready(&stop, LONG).unwrap());
    supervisor.stop(&stop, LONG).unwrap();
}

#[test]
fn a_stubborn_service_is_killed_and_the_other_still_ends_by_itself() {
    let stage = Stage::new(GOOD, STUBBORN);
    let mut supervisor = stage.ready();
    let message = supervisor.stop(&StopRequest::default(), SHORT).unwrap_err().to_string();
    assert!(message.contains("inference-service did not end by itself and was killed"), "{message}");
    assert_eq!(stage.ended(), "logging-service\n");
}

#[test]
fn a_second_request_does_not_wait() {
    let stage = Stage::new(GOOD, STUBBORN);
    let mut supervisor = stage.ready();
    let stop = StopRequest::default();
    stop.ask();
    let started = Instant::now();
    let message = supervisor.stop(&stop, LONG).unwrap_err().to_string();
    assert!(message.contains("on a second request"), "{message}");
    assert!(started.elapsed() < LONG);
    assert_eq!(stage.ended(), "logging-service\n");
}

#[test]
fn a_failure_on_the_way_out_is_told() {
    let stage = Stage::new(GOOD, FAILING);
    let message = stage.ready().stop(&StopRequest::default(), LONG).unwrap_err().to_string();
    assert!(message.contains("inference-service") && message.contains("exit status: 9"), "{message}");
    assert_eq!(stage.ended(), "logging-service\n");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let mut stage = Stage::new(GOOD, GOOD);
    stage.plans[1].program = stage.folder.path().join("nowhere");
    let message = Supervisor::start(&stage.plans).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("nowhere"), "{message}");
}
