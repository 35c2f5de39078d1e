//! One call of `ModelInfer` after another over one connection, as a client of Triton makes them.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A call that takes longer is not answered.
const PATIENCE: Duration = Duration::from_secs(30);
/// Statuses of gRPC: an answer, and the two refusals after which the same call may succeed.
const OK: u16 = 0;
const RESOURCE_EXHAUSTED: u16 = 8;
const UNAVAILABLE: u16 = 14;
const METHOD: &str = "/inference.GRPCInferenceService/ModelInfer";

/// A `ModelInferRequest`, as far as it is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct InferRequest {
    #[prost(string, tag = "1")]
    model: String,
    #[prost(string, tag = "3")]
    id: String,
    #[prost(message, repeated, tag = "5")]
    inputs: Vec<InputTensor>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    raw: Vec<Vec<u8>>,
}

/// What is said of an input.
#[derive(Clone, PartialEq, prost::Message)]
struct InputTensor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    datatype: String,
    #[prost(int64, repeated, tag = "3")]
    shape: Vec<i64>,
}

/// A client whose connection is made with the first call, and anew after it broke.
pub(super) struct GrpcClient {
    address: SocketAddr,
    sender: Option<SendRequest<Body>>,
}

impl GrpcClient {
    pub(super) fn to(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Asks `cifar10` for a grey picture. Gives 200 for an answer, 429 where it may be asked again, 400 for another refusal, and
    /// `None` where the connection broke.
    pub(super) async fn infer(&mut self, request_id: &str) -> Option<u16> {
        let status = timeout(PATIENCE, self.call(request_id)).await.ok().flatten();
        if status.is_none() {
            self.sender = None;
        }
        status
    }

    async fn call(&mut self, request_id: &str) -> Option<u16> {
        let message = message(request_id);
        let body = [&[0], &u32::try_from(message.len()).ok()?.to_be_bytes()[..], &message].concat();
        let request = Request::post(format!("http://{}{METHOD}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("x-request-id", request_id)
            .body(Body::from(body));
        let answer = self.sender().await?.send_request(request.ok()?).await.ok()?;
        let head = answer.headers().clone();
        let body = answer.into_body().collect().await.ok()?;
        // A call without an answer's message has its status in the head.
        let status = |headers: &HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse::<u16>().ok();
        status(body.trailers().unwrap_or(&head)).map(|code| match code {
            OK => 200,
            RESOURCE_EXHAUSTED | UNAVAILABLE => 429,
            _ => 400,
        })
    }

    async fn sender(&mut self) -> Option<&mut SendRequest<Body>> {
        if self.sender.is_none() {
            let stream = TokioIo::new(TcpStream::connect(self.address).await.ok()?);
            let (sender, connection) = handshake(TokioExecutor::new(), stream).await.ok()?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        self.sender.as_mut()
    }
}

fn message(request_id: &str) -> Vec<u8> {
    let shape = vec![1, 3, 32, 32];
    let raw = 0.5_f32.to_le_bytes().repeat(3 * 32 * 32);
    let input = InputTensor { name: "input".into(), datatype: "FP32".into(), shape };
    let request = InferRequest { model: "cifar10".into(), id: request_id.into(), inputs: vec![input], raw: vec![raw] };
    request.encode_to_vec()
}
