//! JSON that becomes much larger in memory than its text.

use std::net::SocketAddr;
use std::time::Duration;

use testkit::{HttpRequest, alone};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::besieged::Besieged;

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn small_texts_of_large_values_to_the_log() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log that JSON attacks").await else { return };
    let of = |piece: &str, bytes: usize| format!("[{}0]", piece.repeat(bytes / piece.len()));
    let record = |extra: String| format!(r#"{{"model":"m","label":"a","confidence":0.5,"more":{extra}}}"#);
    let requests = vec![
        ("/log", "application/json", record(of("[],", 8 * MIB))),
        ("/log", "application/json", record(of(r#"{"":0},"#, 8 * MIB))),
        ("/log", "application/json", format!("[{}{{}}]", r#"{"model":"m"},"#.repeat(MIB))),
        ("/feedback", "application/json", format!("[{}{{}}]", r#"{"request_id":"m","label":"a"},"#.repeat(400_000))),
        ("/cloudevents", "application/cloudevents-batch+json", of(r#"{"data":[]},"#, 12 * MIB)),
    ];
    besieged.withstands(async |service| again_and_again(requests, service.address).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_texts_of_large_values_to_predictions() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::inference("a service that JSON attacks").await else { return };
    let numbers = format!("[{}0]", "0,".repeat(4 * MIB));
    let texts = format!("[{}\"\"]", "\"\",".repeat(4 * MIB));
    let requests = vec![
        ("/predict", "application/json", format!(r#"{{"input":{numbers}}}"#)),
        ("/predict", "application/json", format!(r#"{{"images":{texts}}}"#)),
        ("/invocations", "application/json", format!(r#"{{"instances":{numbers}}}"#)),
        ("/v1/models/cifar10:predict", "application/json", format!(r#"{{"instances":{texts}}}"#)),
        (
            "/v2/models/cifar10/infer",
            "application/json",
            format!(r#"{{"inputs":[{{"name":"input","shape":[1],"datatype":"BYTES","data":{texts}}}]}}"#),
        ),
    ];
    besieged.withstands(async |service| again_and_again(requests, service.address).await).await;
}

/// Sends each of the requests over three connections, for ever.
async fn again_and_again(requests: Vec<(&'static str, &'static str, String)>, address: SocketAddr) {
    let mut clients = JoinSet::new();
    for (path, content_type, body) in requests.iter().cycle().take(requests.len() * 3) {
        let request = HttpRequest::post(path, body.clone()).header("content-type", content_type);
        clients.spawn(async move {
            loop {
                // Refused or not, it is sent again.
                let _ = request.send(address).await;
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    clients.join_all().await;
}
