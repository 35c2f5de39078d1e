//! The real services, set up as the manifests say.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use testkit::{Launch, Service, Signal, alone, wait_until};

use crate::image::environment;
use crate::objects::{Objects, SERVICES, at, container};

const START_PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_know_every_variable() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    for (service, launch) in SERVICES.into_iter().zip([Launch::inference(), Launch::logging(folder.path())]) {
        let mut help = launch.flag("--help", "").spawn();
        assert!(help.ends_within(START_PATIENCE).await.success());
        let help = help.log();
        for (place, objects) in Objects::all() {
            let variables = environment(objects.get("Deployment", service));
            assert!(!variables.is_empty());
            for variable in variables.keys() {
                assert!(help.contains(&format!("[env: {variable}=")), "{place}: {service} knows no {variable}");
            }
        }
    }
}

/// Each probe asks a path that exists and says what the probe is for, and the pod's end is the one that the grace
/// period is made for.
#[tokio::test(flavor = "multi_thread")]
async fn probes_tell_the_truth_from_start_to_end() {
    let _alone = alone().await;
    let (objects, folder) = (Objects::written(), TempDir::new().unwrap());
    let launches = [Launch::inference(), Launch::logging(&folder.path().join("predictions.db"))];
    for (name, launch) in SERVICES.into_iter().zip(launches) {
        let deployment = objects.get("Deployment", name);
        let (mut launch, mut notice) = (launch, None);
        for (variable, value) in environment(deployment) {
            // There is no volume for copies here.
            if variable.starts_with("LOGGING_BACKUP_") {
                continue;
            }
            // Where records go is another address here, and the flag of the harness says so.
            if variable.ends_with("_DRAIN_SECONDS") {
                notice = value.parse().ok().map(Duration::from_secs);
            }
            launch = launch.environment(variable.leak(), value.leak());
        }
        let probes = ["startupProbe", "readinessProbe", "livenessProbe"]
            .map(|probe| path_of(&container(deployment)[probe]).to_owned());
        let [startup, readiness, liveness] = probes.each_ref().map(String::as_str);

        let mut service = launch.start().await;
        for path in [startup, readiness, liveness] {
            assert_eq!(status(&service, path).await, Some(200), "{name} {path}");
        }
        let told = Instant::now();
        service.signal(Signal::TERM);
        wait_until("the pod turns unready", START_PATIENCE, async || status(&service, readiness).await == Some(503))
            .await;
        assert_eq!(status(&service, liveness).await, Some(200), "{name} would be restarted while it drains");
        let grace = at(deployment, "/spec/template/spec/terminationGracePeriodSeconds").as_u64().unwrap();
        assert!(service.ends_within(Duration::from_secs(grace)).await.success(), "{}", service.output());
        assert!(told.elapsed() >= notice.unwrap(), "{name} closed its port before anybody could notice");
    }
}

/// A service that cannot do its work is unready, and is not restarted for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restart_cannot_mend_causes_none() {
    let _alone = alone().await;
    let (objects, folder) = (Objects::written(), TempDir::new().unwrap());
    let broken_model = folder.path().join("models/broken");
    std::fs::create_dir_all(broken_model.join("1")).unwrap();
    std::fs::write(broken_model.join("model.toml"), "nonsense").unwrap();
    let no_folder = folder.path().join("file");
    std::fs::write(&no_folder, "").unwrap();

    let launches =
        [Launch::inference().models(&folder.path().join("models")), Launch::logging(&no_folder.join("predictions.db"))];
    for (name, launch) in SERVICES.into_iter().zip(launches) {
        let probes = container(objects.get("Deployment", name));
        let service = launch.spawn();
        for (probe, expected) in [("startupProbe", 200), ("livenessProbe", 200), ("readinessProbe", 503)] {
            let path = path_of(&probes[probe]);
            let what = format!("{probe} of {name} says {expected}");
            wait_until(&what, START_PATIENCE, async || status(&service, path).await == Some(expected)).await;
        }
    }
}

fn path_of(probe: &Value) -> &str {
    assert_eq!(probe["httpGet"]["port"], "http");
    probe["httpGet"]["path"].as_str().expect("a probe asks over HTTP")
}

async fn status(service: &Service, path: &str) -> Option<u16> {
    service.ask(path).await.ok().map(|answer| answer.status)
}
