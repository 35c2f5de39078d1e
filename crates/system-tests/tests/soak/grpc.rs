//! Calls of `ModelInfer` as a client of gRPC makes them: one connection, HTTP/2, a message in its frame.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;

const METHOD: &str = "/inference.GRPCInferenceService/ModelInfer";
/// Before each message: whether it is packed, and four bytes of its length.
const FRAME_HEAD: usize = 5;
/// The status of a model that does not serve.
pub(super) const UNAVAILABLE: u16 = 14;

/// The members of an answer that have to stay the same.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferResponse {
    #[prost(string, tag = "1")]
    pub(super) model: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) outputs: Vec<OutputTensor>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(super) raw: Vec<Vec<u8>>,
}

/// What is said of an output.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OutputTensor {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(super) shape: Vec<i64>,
}

/// A connection that is made with the first call.
pub(super) struct GrpcConnection {
    address: SocketAddr,
    sender: Option<SendRequest<Body>>,
}

impl GrpcConnection {
    pub(super) fn to(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Sends a `ModelInferRequest`; gives the answer's message, or the status and the message of a refusal.
    ///
    /// # Errors
    /// What broke of the connection or of the protocol.
    pub(super) async fn infer(&mut self, message: &[u8]) -> Result<Result<InferResponse, (u16, String)>, String> {
        let length = u32::try_from(message.len()).expect("messages are small");
        let body = [&[0], &length.to_be_bytes()[..], message].concat();
        let request = Request::post(format!("http://{}{METHOD}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Body::from(body));
        let answer = self.sender().await?.send_request(request.expect("a request")).await.map_err(text)?;
        if answer.status() != StatusCode::OK {
            return Err(format!("gRPC is answered with {}", answer.status()));
        }
        let head = answer.headers().clone();
        let body = answer.into_body().collect().await.map_err(text)?;
        // A call without an answer's message has its status in the head.
        let status = |headers: &HeaderMap| headers.get("grpc-status")?.to_str().ok()?.parse::<u16>().ok();
        let said = body.trailers().unwrap_or(&head);
        match status(said).ok_or("a call ends without a status")? {
            0 => {
                let body = body.to_bytes();
                let message = body.get(FRAME_HEAD..).ok_or("an answer without a message")?;
                Ok(Ok(InferResponse::decode(message).map_err(text)?))
            }
            code => Ok(Err((code, format!("{:?}", said.get("grpc-message"))))),
        }
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Body>, String> {
        if self.sender.is_none() {
            let stream = TokioIo::new(TcpStream::connect(self.address).await.map_err(text)?);
            let (sender, connection) = handshake(TokioExecutor::new(), stream).await.map_err(text)?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| "there is no connection".to_owned())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
