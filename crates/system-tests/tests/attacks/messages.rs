//! Messages over gRPC that never end.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::channel::Channel;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use testkit::alone;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::besieged::Besieged;

/// The messages, and how many bytes of each are announced; one fewer comes.
const UNFINISHED: [(&str, u32); 5] = [
    ("/grpc.health.v1.Health/Check", (4 << 20) - 1),
    ("/grpc.health.v1.Health/Watch", 10_000),
    ("/inference.GRPCInferenceService/ModelMetadata", (4 << 20) - 1),
    ("/inference.GRPCInferenceService/ModelInfer", (16 << 20) - 1),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", (4 << 20) - 1),
];
/// Streams that a connection keeps open for each of them.
const STREAMS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_never_end() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::inference("a service that unfinished messages attack").await else { return };
    besieged
        .withstands(async |service| {
            let address = service.grpc_address();
            let connections: JoinSet<()> = (0..6).map(|_| connection(address)).collect();
            connections.join_all().await;
        })
        .await;
}

/// Keeps a connection full of messages, and begins anew when it ends.
async fn connection(address: SocketAddr) {
    loop {
        let _ = streams(address).await;
        sleep(Duration::from_millis(100)).await;
    }
}

async fn streams(address: SocketAddr) -> Result<(), hyper::Error> {
    let Ok(stream) = TcpStream::connect(address).await else { return Ok(()) };
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let mut calls = JoinSet::new();
    for (path, length) in UNFINISHED.iter().cycle().take(UNFINISHED.len() * STREAMS) {
        let mut sender = sender.clone();
        calls.spawn(async move {
            loop {
                if sender.ready().await.is_err() {
                    return;
                }
                let request = Request::post(format!("http://{address}{path}"))
                    .header("content-type", "application/grpc")
                    .header("te", "trailers")
                    .body(unfinished(*length))
                    .expect("a request");
                // The answer may come at once; whatever it is, the next message follows.
                let _ = sender.send_request(request).await;
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    connection.await
}

/// A message but for its last byte.
fn unfinished(length: u32) -> Body {
    let (mut sender, body) = Channel::<Bytes>::new(1);
    tokio::spawn(async move {
        let head = [&[0], &length.to_be_bytes()[..]].concat();
        let mut sent = sender.send_data(head.into()).await;
        let mut left = length as usize - 1;
        while left > 0 && sent.is_ok() {
            let piece = left.min(16 * 1024);
            sent = sender.send_data(vec![b'\n'; piece].into()).await;
            left -= piece;
        }
        while sent.is_ok() {
            sleep(Duration::from_secs(1)).await;
            sent = sender.send_data(Bytes::new()).await;
        }
    });
    Body::new(body)
}
