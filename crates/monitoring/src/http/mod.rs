//! The whole middleware of a service, readable from top to bottom in [`Instrumentation::around`].
//!
//! Rule of thumb: what every request needs happens here and only here; a handler returns its answer
//! or an [`ApiError`].

mod access;
mod body;
mod coding;
mod compression;
mod context;
mod cross_origin;
mod description;
mod docs;
mod error;
mod heads;
mod method;
mod metrics;
mod observe;
mod page_writes;
mod refusal_page;
mod refusals;
mod requests;
mod routes;
mod sessions;
mod span;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::health::Readiness;
use crate::memory::{ConnectionEnd, MemoryRoom};
use crate::metrics::MetricsRegistry;
use access::Guard;
pub use access::{Access, KeyName};
pub use body::{discard_body, media_type, read_body};
pub use coding::{is_packed, unpack_gzip};
pub use context::{REQUEST_ID, RequestContext, TRACEPARENT};
pub use cross_origin::AllowedOrigin;
pub use description::{PathAlias, describe};
pub use docs::docs_routes;
pub use error::{ApiError, ErrorCode};
pub use heads::HeadRefusals;
pub(crate) use heads::{LARGE_HEADERS, OverHttp1, UNKNOWN_TRANSFER_CODING};
pub use method::HttpMethod;
use metrics::HttpMetrics;
pub use metrics::HttpSetupError;
pub use observe::{RequestObserver, observe};
use page_writes::PageWriters;
pub use refusal_page::RefusalPage;
pub use refusals::{refusals_by, refusals_of};
use requests::HttpObserver;
pub use routes::Routes;

/// The router of a service, with everything around its handlers; see [`Instrumentation`]. Anybody is let in.
///
/// # Errors
/// [`HttpSetupError`] if the registry already has HTTP metrics, or there are too many routes.
pub fn instrument(routes: Routes, registry: &MetricsRegistry, readiness: Readiness) -> Result<Router, HttpSetupError> {
    Instrumentation::register(registry, readiness, Access::default())?.around(routes)
}

/// What stands around the handlers of a service, which may have several routers.
pub struct Instrumentation {
    metrics: Arc<HttpMetrics>,
    readiness: Readiness,
    access: Access,
    room: Option<MemoryRoom>,
}

impl Instrumentation {
    /// Registers the HTTP metrics; requests are let in by `access`.
    ///
    /// # Errors
    /// [`HttpSetupError`] if the registry has them already.
    pub fn register(registry: &MetricsRegistry, readiness: Readiness, access: Access) -> Result<Self, HttpSetupError> {
        Ok(Self { metrics: Arc::new(HttpMetrics::register(registry)?), readiness, access, room: None })
    }

    /// Holds answers in `room` until they are sent.
    #[must_use]
    pub fn within(self, room: &MemoryRoom) -> Self {
        Self { room: Some(room.clone()), ..self }
    }

    /// What is done about requests that no router sees, because their heads cannot be read. Pages of `origins` may read the
    /// refusals.
    #[must_use]
    pub fn head_refusals(&self, origins: &[AllowedOrigin]) -> HeadRefusals {
        HeadRefusals::new(self.metrics.clone(), origins)
    }

    /// A router, from the outside in:
    /// ids and span → metrics guard → one shape of refusal → other origins → the bound of heads → writes of pages → keys → room for the answer → compression → panics become 500 →
    /// the handlers.
    ///
    /// # Errors
    /// [`HttpSetupError`] if there are too many routes.
    pub fn around(&self, routes: Routes) -> Result<Router, HttpSetupError> {
        self.metrics.declare(&routes.declared)?;
        let there_is = routes.there_is();
        let router = routes
            .router
            .fallback(async move |headers: HeaderMap, body: Body| {
                discard_body(&headers, body).await;
                ApiError::new(ErrorCode::NotFound, there_is)
            })
            .method_not_allowed_fallback(async |headers: HeaderMap, body: Body| {
                discard_body(&headers, body).await;
                ApiError::new(
                    ErrorCode::MethodNotAllowed,
                    "This route does not take this method; the Allow header lists those it takes.",
                )
            })
            .layer(CatchPanicLayer::custom(panicked));
        let mut router = compression::packing(router);
        if let Some(room) = &self.room {
            router = router.layer(middleware::from_fn_with_state(room.clone(), hold_answer));
        }
        if self.access.keys.is_some() {
            let (access, label_routes, pages) = (self.access.clone(), routes.label_routes, routes.refusal_page);
            router = router.layer(middleware::from_fn_with_state(Guard { access, label_routes, pages }, access::guard));
        }
        if let Some(hosts) = routes.page_hosts {
            let writers = Arc::new(PageWriters { origins: routes.origins.clone(), hosts });
            router = router.layer(middleware::from_fn_with_state(writers, page_writes::guard));
        }
        router = router.layer(middleware::from_fn(heads::guard));
        // A browser asks beforehand without the key.
        if let Some(cross_origin) = cross_origin::layer(&routes.origins) {
            router = router.layer(cross_origin);
        }
        let (metrics, readiness) = (self.metrics.clone(), self.readiness.clone());
        let observer =
            Arc::new(HttpObserver { metrics, readiness, traces: routes.traces, refusal_page: routes.refusal_page });
        Ok(router.layer(middleware::from_fn_with_state(observer, observe::<HttpObserver>)))
    }
}

/// Holds the answer in the room for it, or refuses it.
async fn hold_answer(State(room): State<MemoryRoom>, request: Request, next: Next) -> Response {
    let end = ConnectionEnd::of(&request);
    room.hold_answer(&end, next.run(request).await).await.unwrap_or_else(IntoResponse::into_response)
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    ApiError::internal(format!("a handler panicked: {}", text.unwrap_or("without a message"))).into_response()
}

#[cfg(test)]
mod tests;
