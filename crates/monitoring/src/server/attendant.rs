//! What happens to each request of a connection before the router has it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::answer::AnswerUnderWay;
use super::handover::Handover;
use super::probes::{is_probe, no_place_over_grpc, no_turn_over_grpc};
use super::request_body::IncomingBody;
use super::stream::Visitor;
use super::visit::Place;
use crate::http::OverHttp1;
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
    /// What requests wait for that are no probes, if the connection is served where probes are.
    pub(super) handover: Option<Handover>,
}

impl Service<Request<Incoming>> for Attendant {
    type Response = Response<AnswerUnderWay>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let has_turn = self.visitor.visit.may_begin();
        if !has_turn {
            self.visitor.book.request_refused();
        }
        let under_way = self.visitor.visit.begin(request.uri().path() == WATCH);
        let number = self.visitor.visit.asked();
        request.extensions_mut().insert(self.end.clone());
        let is_probe = is_probe(request.method(), request.uri().path());
        let is_reserved = self.visitor.visit.place == Place::Reserved;
        let has_no_place = is_reserved && !is_probe;
        match self.protocol {
            Protocol::Http1 => {
                let has_two_lengths = self.visitor.visit.heads().is_ambiguous(number);
                request.extensions_mut().insert(OverHttp1 { has_no_place, has_two_lengths });
            }
            Protocol::Http2 if has_no_place || !has_turn => {
                let answer = if has_turn { no_place_over_grpc() } else { no_turn_over_grpc() };
                return Box::pin(async { Ok(answer.map(|body| AnswerUnderWay::new(body, under_way))) });
            }
            Protocol::Http2 => {}
        }
        let handover = if is_probe { None } else { self.handover.clone() };
        let visit = self.visitor.visit.clone();
        let answering = self.router.call(request.map(|body| IncomingBody::new(body, visit)));
        Box::pin(async move {
            if let Some(handover) = handover {
                handover.moved().await;
            }
            let answer = answering.await?;
            let mut answer = answer.map(|body| AnswerUnderWay::new(body, under_way));
            if is_reserved {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        })
    }
}
