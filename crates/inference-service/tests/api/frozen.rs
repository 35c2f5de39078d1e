//! A disk under the spool that does not answer: a file system that is frozen, as for a snapshot.

use std::collections::BTreeSet;
use std::path::Path;

use testkit::LoopDisk;

use crate::pictures::cat;
use crate::process::Process;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::Service;
use crate::spool::{Receiver, predict};

const MEGABYTES: u64 = 64;

fn picture() -> Sent {
    Sent::new("image/jpeg", cat()).header("x-request-timeout-ms", "10000")
}

fn flags(folder: &Path) -> [String; 4] {
    ["--spool".to_owned(), folder.join("spool").display().to_string(), "--drain-seconds".to_owned(), "0".to_owned()]
}

fn start(receiver: &Receiver, disk: &LoopDisk, more: &[&str]) -> Process {
    let flags = flags(disk.path());
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Process::start_logging_to(&receiver.url, &shipped(), &flags)
}

async fn spool_becomes(service: &Service, available: bool) {
    let wanted = f64::from(u8::from(available));
    service.metrics_until("the spool's state", |metrics| metrics.get("prediction_log_spool_available") == wanted).await;
}

/// Waits until all of these are delivered, each once.
async fn are_delivered(receiver: &Receiver, service: &Service, answered: &BTreeSet<String>) {
    receiver.take_records();
    service.metrics_until("all is delivered", |metrics| metrics.get("prediction_log_spooled_records") == 0.0).await;
    let received = receiver.request_ids();
    assert_eq!(received.len(), answered.len());
    assert_eq!(&received.into_iter().collect::<BTreeSet<_>>(), answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_go_on_and_each_is_delivered_once_after_the_thaw() {
    let Some(disk) = LoopDisk::new(MEGABYTES, "a spool on a frozen disk") else { return };
    let receiver = Receiver::start().await;
    let process = start(&receiver, &disk, &[]);
    let service = &process.service;
    service.ready().await;
    let mut answered = BTreeSet::from([predict(service, &picture(), 200).await]);
    disk.freeze();
    for _ in 0..30 {
        answered.insert(predict(service, &picture(), 200).await);
    }
    answered.insert(predict(service, &Sent::new("image/jpeg", "no picture"), 422).await);
    spool_becomes(service, false).await;
    let health = service.get("/health/ready").await;
    assert_eq!(
        (health.status, service.get("/health").await.json()["prediction_log"]["spool"].as_str()),
        (200, Some("unavailable"))
    );
    process.log.wait_for("that the disk does not answer", |line| {
        line["message"].as_str().is_some_and(|message| message.starts_with("prediction_log_spool_stalled"))
    });
    let books = service.metrics().await;
    assert_eq!(books.get("prediction_log_recorded_total"), answered.len() as f64);
    assert_eq!(books.get("prediction_log_spooled_records"), answered.len() as f64);
    disk.thaw();
    spool_becomes(service, true).await;
    answered.insert(predict(service, &picture(), 200).await);
    are_delivered(&receiver, service, &answered).await;
    assert!(process.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_refuses_without_records_is_unready_until_the_thaw() {
    let Some(disk) = LoopDisk::new(MEGABYTES, "a spool that refuses on a frozen disk") else { return };
    let receiver = Receiver::start().await;
    let process = start(&receiver, &disk, &["--spool-full", "refuse", "--record", "power"]);
    let service = &process.service;
    service.ready().await;
    let mut answered = BTreeSet::from([predict(service, &picture(), 200).await]);
    disk.freeze();
    // This one was on its way to the disk, and comes there after all.
    answered.insert(predict(service, &picture(), 503).await);
    spool_becomes(service, false).await;
    assert_eq!(service.get("/health/ready").await.status, 503);
    predict(service, &picture(), 503).await;
    disk.thaw();
    spool_becomes(service, true).await;
    service.ready().await;
    answered.insert(predict(service, &picture(), 200).await);
    receiver.take_records();
    let all: f64 = answered.len() as f64;
    service.metrics_until("they are delivered", |metrics| metrics.get("prediction_log_delivered_total") >= all).await;
    let received: BTreeSet<String> = receiver.request_ids().into_iter().collect();
    assert!(answered.is_subset(&received), "{answered:?} {received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_starts_and_stops_on_a_frozen_disk() {
    let Some(disk) = LoopDisk::new(MEGABYTES, "a start and a stop on a frozen disk") else { return };
    let receiver = Receiver::start().await;
    let first = start(&receiver, &disk, &[]);
    first.service.ready().await;
    let mut answered = BTreeSet::from([predict(&first.service, &picture(), 200).await]);
    disk.freeze();
    first.terminate();
    first.log.wait_for("that it has stopped", |line| line["message"] == "stopped");
    // The kernel keeps what is left of the process as long as its last write waits.
    disk.thaw();
    first.stop();
    disk.freeze();
    let second = start(&receiver, &disk, &[]);
    second.service.ready().await;
    answered.insert(predict(&second.service, &picture(), 200).await);
    spool_becomes(&second.service, false).await;
    disk.thaw();
    spool_becomes(&second.service, true).await;
    are_delivered(&receiver, &second.service, &answered).await;
}
