//! Bodies that never end.

use testkit::alone;

use super::attackers::Attack;
use super::besieged::Besieged;

/// The largest body that is taken.
const LARGEST: usize = 16 << 20;
const JSON: &str = "application/json";

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_to_predictions() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::inference("a service that slow bodies attack").await else { return };
    let attacks = [
        Attack::unfinished("/predict", "application/octet-stream", LARGEST),
        Attack::unfinished("/predict", JSON, LARGEST),
        Attack::unfinished("/invocations", "text/csv", LARGEST),
        Attack::unfinished("/v2/models/cifar10/infer", JSON, LARGEST),
        Attack::unfinished("/v1/models/cifar10:predict", JSON, LARGEST),
        in_chunks("/predict"),
        packed("/predict"),
    ];
    besieged.withstands(async |service| Attack::all(&attacks, service.address, 62).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_to_the_log() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log that slow bodies attack").await else { return };
    let attacks = [
        Attack::unfinished("/log", JSON, LARGEST),
        Attack::unfinished("/log", "application/x-ndjson", LARGEST),
        Attack::unfinished("/feedback", JSON, LARGEST),
        Attack::unfinished("/cloudevents", "application/cloudevents-batch+json", LARGEST),
        in_chunks("/log"),
        packed("/log"),
    ];
    besieged.withstands(async |service| Attack::all(&attacks, service.address, 62).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_only_announced() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log that announced bodies attack").await else { return };
    let attacks = [Attack::announced("/log", JSON, LARGEST), Attack::announced("/feedback", JSON, LARGEST)];
    besieged.withstands(async |service| Attack::all(&attacks, service.address, 64).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_with_half_a_small_body() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log that many half bodies attack").await else { return };
    let attacks = [Attack::unfinished("/log", JSON, 256 << 10), Attack::unfinished("/log", JSON, 200 << 10)];
    besieged.withstands(async |service| Attack::all(&attacks, service.address, 400).await).await;
}

/// One large chunk that does not end.
fn in_chunks(path: &str) -> Attack {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nfffff0\r\n"
    );
    Attack { head, filler: b'1', bytes: 0xff_ffef, reads: true }
}

/// A body that says it is packed.
fn packed(path: &str) -> Attack {
    let attack = Attack::unfinished(path, JSON, LARGEST);
    Attack { head: attack.head.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n"), ..attack }
}
