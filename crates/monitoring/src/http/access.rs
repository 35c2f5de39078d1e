//! Which clients are let in, and what they may do.
//!
//! Rule of thumb: where a service has keys, every path needs one, even a path without a route. Only the health of the
//! process, and the page at which a key is shown, can be asked for without a key.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::{Instrument as _, Span, error_span};

use super::refusal_page::RefusalPage;
use super::sessions::Sessions;
use super::{ApiError, ErrorCode, discard_body};
use crate::keys::{ApiKeys, KeyRight, ShownKey};

/// Which clients a service lets in; by default all of them. Clones share the keys and the sessions.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The keys, one of which a client must show; `None`: no client needs a key.
    pub keys: Option<ApiKeys>,
    /// Whether `GET /metrics` needs a key as well.
    pub metrics_need_key: bool,
    sessions: Sessions,
}

impl Access {
    /// Lets in who has one of these keys. Sessions are kept to encrypted connections where the service has them.
    #[must_use]
    pub fn new(keys: Option<ApiKeys>, metrics_need_key: bool, is_encrypted: bool) -> Self {
        Self { keys, metrics_need_key, sessions: Sessions::new(is_encrypted) }
    }

    /// Checks the key in these headers, which must be good for everything. Returns a span for the work that is done for the client;
    /// it has the key's name.
    ///
    /// # Errors
    /// `unauthorized`, if there is no key or it is not known; `forbidden`, if it is for less.
    pub fn admit(&self, headers: &HeaderMap) -> Result<Span, ApiError> {
        let Some(keys) = &self.keys else { return Ok(Span::none()) };
        let key = shown(keys, headers)?;
        if key.right < KeyRight::All {
            return Err(too_little(&key));
        }
        Ok(span(&key))
    }

    /// Begins a session for who shows a key to a page: the value of `Set-Cookie`. `None`, if the key is not known.
    #[must_use]
    pub fn log_in(&self, key: &str) -> Option<HeaderValue> {
        let key = self.keys.as_ref()?.find(key.as_bytes())?;
        Some(self.sessions.begin(key.digest, Instant::now()))
    }

    /// Ends the session of a request: the value of `Set-Cookie`.
    #[must_use]
    pub fn log_out(&self, headers: &HeaderMap) -> HeaderValue {
        self.sessions.end(headers)
    }

    fn is_open(&self, route: Option<&str>) -> bool {
        match route {
            // Whoever is to show a key needs the page for it, and its looks.
            Some("/health" | "/health/live" | "/health/ready" | "/ui/login" | "/ui/logout" | "/ui/{file}") => true,
            Some("/metrics") => !self.metrics_need_key,
            _ => false,
        }
    }
}

/// How requests are let in.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) access: Access,
    /// Routes whose writes a key for labels may ask for.
    pub(super) label_routes: &'static [&'static str],
    /// Where people are led that have no session.
    pub(super) pages: Option<RefusalPage>,
}

/// A client that is let in, and the cookie that the answer sets.
struct AdmittedClient {
    key: ShownKey,
    rotated: Option<HeaderValue>,
}

impl Guard {
    /// The client, if it may ask.
    fn admit(&self, keys: &ApiKeys, request: &Request) -> Result<AdmittedClient, ApiError> {
        let headers = request.headers();
        let client = match headers.get(header::AUTHORIZATION) {
            Some(_) => AdmittedClient { key: shown(keys, headers)?, rotated: None },
            None => self.of_session(keys, request).map_or_else(|| shown(keys, headers).map(without_cookie), Ok)?,
        };
        let route = request.extensions().get().map(MatchedPath::as_str);
        let needed = if is_reading(request.method()) {
            KeyRight::Read
        } else if route.is_some_and(|route| self.label_routes.contains(&route)) {
            KeyRight::Label
        } else {
            KeyRight::All
        };
        if client.key.right < needed { Err(too_little(&client.key)) } else { Ok(client) }
    }

    /// The client of a browser's session. It may read everything, and write what pages write.
    fn of_session(&self, keys: &ApiKeys, request: &Request) -> Option<AdmittedClient> {
        if !is_reading(request.method()) && !request.uri().path().starts_with(self.pages?.folder) {
            return None;
        }
        let found = self.access.sessions.find(request.headers(), Instant::now())?;
        Some(AdmittedClient { key: keys.known(&found.key)?, rotated: found.rotated })
    }
}

fn without_cookie(key: ShownKey) -> AdmittedClient {
    AdmittedClient { key, rotated: None }
}

fn is_reading(method: &Method) -> bool {
    method.is_safe()
}

fn span(key: &ShownKey) -> Span {
    error_span!("client", key_name = &*key.name)
}

fn too_little(key: &ShownKey) -> ApiError {
    let sentence = match key.right {
        KeyRight::Read => "This key may read, and nothing else.",
        _ => "This key may read and give labels, and nothing else.",
    };
    ApiError::new(ErrorCode::Forbidden, sentence)
}

/// The key that the headers show.
fn shown(keys: &ApiKeys, headers: &HeaderMap) -> Result<ShownKey, ApiError> {
    let refused = |sentence: &str| ApiError::new(ErrorCode::Unauthorized, sentence);
    let shown = bearer(headers).ok_or_else(|| refused("A key is needed here: Authorization: Bearer KEY."))?;
    keys.find(shown).ok_or_else(|| refused("The key is not one that is known here."))
}

/// The key that follows `Bearer`; `None` if the header is missing or there twice.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}

/// Stands at a request whose client has shown a key; it has the key's name.
#[derive(Clone, Debug)]
pub struct KeyName(pub Arc<str>);

/// Lets a request through to its handler, or refuses it. Who asks for a page without a session is led to where a key is shown.
pub(super) async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let Some(keys) = &guard.access.keys else { return next.run(request).await };
    if guard.access.is_open(request.extensions().get().map(MatchedPath::as_str)) {
        return next.run(request).await;
    }
    match guard.admit(keys, &request) {
        Ok(AdmittedClient { key, rotated }) => {
            request.extensions_mut().insert(KeyName(key.name.clone()));
            let mut response = next.run(request).instrument(span(&key)).await;
            if let Some(cookie) = rotated {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(refusal) => {
            let login = guard
                .pages
                .filter(|page| page.has_login && page.is_for(&request) && refusal.code == ErrorCode::Unauthorized);
            let place = login.map(|page| page.login(request.uri()));
            let (head, body) = request.into_parts();
            discard_body(&head.headers, body).await;
            if let Some(place) = place {
                return (StatusCode::SEE_OTHER, [(header::LOCATION, place), (header::CACHE_CONTROL, no_store())])
                    .into_response();
            }
            let mut response = refusal.into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}

fn no_store() -> HeaderValue {
    HeaderValue::from_static("no-store")
}
