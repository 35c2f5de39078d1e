//! What happens around every request, whichever protocol it comes by.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument as _, error_span};

use super::context::{REQUEST_ID, RequestContext};
use crate::traces::Traces;

/// What one protocol counts, logs and tells the trace of its requests.
pub trait RequestObserver: Send + Sync + 'static {
    /// A request that is being handled. When it is dropped, the request is counted and its span ends, so a request whose
    /// client left before the answer counts as well.
    type InFlight: Send;

    /// Where the spans of the requests go.
    fn traces(&self) -> &Traces;

    /// A request begins.
    fn begin(self: Arc<Self>, request: &mut Request, context: &RequestContext) -> Self::InFlight;

    /// The request is answered; returns the answer as the client is to have it.
    fn answered(in_flight: &mut Self::InFlight, response: Response) -> Response;
}

/// The middleware that stands around all others: gives the request its ids and its log span, and tells the observer.
pub async fn observe<O: RequestObserver>(State(observer): State<Arc<O>>, mut request: Request, next: Next) -> Response {
    let context = RequestContext::begin(request.headers(), observer.traces());
    // An error-level span, so that no log filter takes the ids from the lines it lets through.
    let span = error_span!("request", request_id = %context.request_id, trace_id = %context.trace.trace_id());
    request.extensions_mut().insert(context.clone());
    async move {
        let mut in_flight = observer.begin(&mut request, &context);
        let mut response = O::answered(&mut in_flight, next.run(request).await);
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            // A handler that found the client's id elsewhere has set the header already.
            response.headers_mut().entry(REQUEST_ID).or_insert(id);
        }
        response
    }
    .instrument(span)
    .await
}
