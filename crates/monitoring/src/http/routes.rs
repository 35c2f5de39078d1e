//! A router that remembers its routes, so that the `route` label is a closed set by construction.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, post, put};

use super::cross_origin::AllowedOrigin;
use super::method::HttpMethod;
use super::refusal_page::RefusalPage;
use crate::metrics::LabelEnum as _;
use crate::traces::Traces;

/// An axum router together with the list of its methods and path templates.
pub struct Routes<S = ()> {
    pub(super) router: Router<S>,
    pub(super) declared: Vec<(HttpMethod, String)>,
    pub(super) traces: Traces,
    pub(super) origins: Vec<AllowedOrigin>,
    pub(super) page_hosts: Option<Vec<String>>,
    pub(super) refusal_page: Option<RefusalPage>,
    pub(super) label_routes: &'static [&'static str],
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            declared: Vec::new(),
            traces: Traces::default(),
            origins: Vec::new(),
            page_hosts: None,
            refusal_page: None,
            label_routes: &[],
        }
    }

    /// Answers `GET path` (and `HEAD`) with `handler`.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add(HttpMethod::Get, path, get(handler))
    }

    /// Answers `POST path` with `handler`.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add(HttpMethod::Post, path, post(handler))
    }

    /// Answers `PUT path` with `handler`.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add(HttpMethod::Put, path, put(handler))
    }

    /// Answers `DELETE path` with `handler`.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.add(HttpMethod::Delete, path, delete(handler))
    }

    /// Lets pages of these origins ask.
    #[must_use]
    pub fn open_to(self, origins: &[AllowedOrigin]) -> Self {
        Self { origins: origins.to_vec(), ..self }
    }

    /// Refuses writes that a browser sends for pages of others. The service's own are open under its addresses, under names without
    /// a dot, and under these names.
    #[must_use]
    pub fn written_by_own_pages(self, hosts: &[String]) -> Self {
        Self { page_hosts: Some(hosts.to_vec()), ..self }
    }

    /// Shows refusals of pages as pages.
    #[must_use]
    pub fn refused_as_pages(self, page: RefusalPage) -> Self {
        Self { refusal_page: Some(page), ..self }
    }

    /// Names the routes at which a key for labels may write.
    #[must_use]
    pub fn labelled_at(self, label_routes: &'static [&'static str]) -> Self {
        Self { label_routes, ..self }
    }

    /// Sends the spans of all requests to `traces`.
    #[must_use]
    pub fn traced(self, traces: &Traces) -> Self {
        Self { traces: traces.clone(), ..self }
    }

    /// Hands the handlers their state.
    #[must_use]
    pub fn with_state(self, state: S) -> Routes {
        Routes {
            router: self.router.with_state(state),
            declared: self.declared,
            traces: self.traces,
            origins: self.origins,
            page_hosts: self.page_hosts,
            refusal_page: self.refusal_page,
            label_routes: self.label_routes,
        }
    }

    /// The routes of both.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.declared.extend(other.declared);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// The sentence for a client that asks for a route that does not exist.
    pub(super) fn there_is(&self) -> String {
        let routes: Vec<String> =
            self.declared.iter().map(|(method, path)| format!("{} {path}", method.as_str())).collect();
        format!("There is no such route; there is: {}.", routes.join(", "))
    }

    fn add(mut self, method: HttpMethod, path: &str, handler: MethodRouter<S>) -> Self {
        self.declared.push((method, path.to_owned()));
        Self { router: self.router.route(path, handler), ..self }
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}
