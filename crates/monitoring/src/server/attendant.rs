//! What happens to each request of a connection before the router has it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::http::{HeaderValue, Request, Response, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::answer::AnswerUnderWay;
use super::probes::{is_probe, no_place_over_grpc};
use super::request_body::IncomingBody;
use super::stream::Visitor;
use super::visit::Place;
use crate::http::{ApiError, OverHttp1};
use crate::memory::ConnectionEnd;
use crate::tls::Protocol;

/// The path of the one call that waits for news as long as its client likes.
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// Hands the requests of one connection to the router.
pub(super) struct Attendant {
    pub(super) router: TowerToHyperService<Router>,
    pub(super) visitor: Visitor,
    pub(super) protocol: Protocol,
    /// What requests end the connection with.
    pub(super) end: ConnectionEnd,
    /// Where requests run that are no probes, if the connection itself runs elsewhere.
    pub(super) elsewhere: Option<Handle>,
}

impl Service<Request<Incoming>> for Attendant {
    type Response = Response<AnswerUnderWay>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let under_way = self.visitor.visit.begin(request.uri().path() == WATCH);
        request.extensions_mut().insert(self.end.clone());
        let is_probe = is_probe(request.method(), request.uri().path());
        let is_reserved = self.visitor.visit.place == Place::Reserved;
        let has_no_place = is_reserved && !is_probe;
        match self.protocol {
            Protocol::Http1 => {
                let has_two_lengths = self.visitor.visit.framing().is_ambiguous();
                request.extensions_mut().insert(OverHttp1 { has_no_place, has_two_lengths });
            }
            Protocol::Http2 if has_no_place => {
                return Box::pin(async { Ok(no_place_over_grpc().map(|body| AnswerUnderWay::new(body, under_way))) });
            }
            Protocol::Http2 => {}
        }
        let elsewhere = if is_probe { None } else { self.elsewhere.clone() };
        let visit = self.visitor.visit.clone();
        let answering = self.router.call(request.map(|body| IncomingBody::new(body, visit)));
        Box::pin(async move {
            let answer = match elsewhere {
                None => answering.await?,
                // A handler panics inside of a layer that catches it, so this does not fail.
                Some(handle) => match (&mut AbortedOnDrop(handle.spawn(answering)).0).await {
                    Ok(answer) => answer?,
                    Err(problem) => ApiError::internal(problem).into_response(),
                },
            };
            let mut answer = answer.map(|body| AnswerUnderWay::new(body, under_way));
            if is_reserved {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        })
    }
}

/// A task that ends when nobody waits for it any longer.
struct AbortedOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortedOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
