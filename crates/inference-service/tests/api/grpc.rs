//! Calls over gRPC with the clients that libraries generate from the protocols' files.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::http::{Request, Response, Uri};
use futures_util::stream::{self, StreamExt as _};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1alpha;
use tower::service_fn;

use crate::repository::shipped;
use crate::service::serve;

const SERVICES: [&str; 2] = ["grpc.health.v1.Health", "inference.GRPCInferenceService"];

/// A connection for clients.
async fn connect(
    address: SocketAddr,
) -> impl GrpcService<Body, ResponseBody = Incoming, Error = hyper::Error, Future: Send> + Clone {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    service_fn(move |request: Request<Body>| -> std::pin::Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>> + Send>> {
        let mut sender = sender.clone();
        Box::pin(async move { sender.send_request(request).await })
    })
}

fn origin(address: SocketAddr) -> Uri {
    format!("http://{address}").parse().unwrap()
}

fn question(message: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest { message_request: Some(message), ..ServerReflectionRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_tells_what_can_be_called() {
    let service = serve(&shipped(), &[]).await;
    let mut client = ServerReflectionClient::with_origin(connect(service.grpc).await, origin(service.grpc));
    let questions = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("inference.GRPCInferenceService".to_owned()),
        MessageRequest::FileByFilename("open_inference.proto".to_owned()),
    ];
    let mut answers = client.server_reflection_info(stream::iter(questions.map(question))).await.unwrap().into_inner();
    let mut next = async || answers.message().await.unwrap().and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(list)) = next().await else { panic!("no list") };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for expected in SERVICES.iter().chain(&["grpc.reflection.v1.ServerReflection"]) {
        assert!(names.iter().any(|name| name == expected), "{expected} is not among {names:?}");
    }
    for _ in 0..2 {
        let Some(MessageResponse::FileDescriptorResponse(files)) = next().await else { panic!("no file") };
        let described = String::from_utf8_lossy(&files.file_descriptor_proto[0]).into_owned();
        assert!(["ModelInfer", "RepositoryIndex", "InferTensorContents"].iter().all(|name| described.contains(name)));
    }
    assert!(next().await.is_none());
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("grpc_requests_total{code=\"OK\",method=\"ServerReflectionInfo\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_clients_find_reflection_too() {
    use v1alpha::server_reflection_client::ServerReflectionClient;
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;

    let service = serve(&shipped(), &[]).await;
    let mut client = ServerReflectionClient::with_origin(connect(service.grpc).await, origin(service.grpc));
    let list = MessageRequest::ListServices(String::new());
    let list = v1alpha::ServerReflectionRequest { message_request: Some(list), host: String::new() };
    let mut answers = client.server_reflection_info(stream::iter([list])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    assert!(SERVICES.iter().all(|expected| list.service.iter().any(|service| service.name == *expected)), "{list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_no_more_does_not_keep_the_service_from_stopping() {
    let service = serve(&shipped(), &[]).await;
    let mut client = ServerReflectionClient::with_origin(connect(service.grpc).await, origin(service.grpc));
    let questions = stream::iter([question(MessageRequest::ListServices(String::new()))]).chain(stream::pending());
    let mut answers = client.server_reflection_info(questions).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
    let asked = Instant::now();
    service.stopped().await;
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    assert!(answers.message().await.unwrap().is_none(), "the call ends in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_of_services_that_are_there_and_of_others() {
    let service = serve(&shipped(), &[]).await;
    let mut client = HealthClient::with_origin(connect(service.grpc).await, origin(service.grpc));
    let request = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for known in ["", "inference.GRPCInferenceService"] {
        let answer = client.check(request(known)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{known:?}");
    }
    let refused = client.check(request("nobody")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    let mut states = client.watch(request("nobody")).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    let mut states = client.watch(request("")).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    service.stopped().await;
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(states.message().await.unwrap().is_none(), "the call ends in order");
}
