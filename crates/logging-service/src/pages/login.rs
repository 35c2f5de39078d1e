//! Where a person shows a key, so that the browser has a session from then on.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use maud::{Markup, html};
use monitoring::{ApiError, ErrorCode};
use pages::redirect;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::parameters::PageParameters;
use super::site::{LOGIN, page};
use crate::app::App;
use crate::ingest::body::ReceivedBody;
use crate::openapi::refusal_sets::{FormRefusals, QueryRefusals};

/// Where a person goes that did not ask for a page before.
const HOME: &str = "ui";

/// What the page takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes what the page reads out of the address")]
pub(crate) struct LoginParameters {
    /// The page that was asked for without a session.
    next: Option<String>,
}

/// A form with a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginForm {
    /// The key.
    key: String,
    /// The page that was asked for.
    #[serde(default)]
    next: String,
}

/// Where a key is shown
#[utoipa::path(
    get,
    path = "/ui/login",
    operation_id = "loginPage",
    tag = "pages",
    params(LoginParameters),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), QueryRefusals)
)]
pub(crate) async fn login(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    let parameters = PageParameters::of(&uri)?;
    Ok(page("", LOGIN, &content(&app, parameters.get("next").unwrap_or(HOME))))
}

/// Begins a session
#[utoipa::path(
    post,
    path = "/ui/login",
    operation_id = "logIn",
    tag = "pages",
    request_body(content = LoginForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "The session is in a cookie; `Location` is the page that was asked for"), FormRefusals)
)]
pub(crate) async fn log_in(State(app): State<App>, request: Request<Body>) -> Result<Response, ApiError> {
    let LoginForm { key, next } = ReceivedBody::receive(&app, request).await?.form()?;
    match app.access.log_in(key.trim()) {
        Some(cookie) => Ok(with_cookie(redirect(&place(&next)), cookie)),
        None if app.access.keys.is_none() => Ok(redirect(&place(&next))),
        None => Err(ApiError::new(ErrorCode::Unauthorized, "The key is not one that is known here.")),
    }
}

/// Ends the session
#[utoipa::path(
    post,
    path = "/ui/logout",
    operation_id = "logOut",
    tag = "pages",
    responses((status = 303, description = "There is no session any more"), FormRefusals)
)]
pub(crate) async fn log_out(State(app): State<App>, headers: HeaderMap) -> Response {
    with_cookie(redirect("login"), app.access.log_out(&headers))
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// The way from here to a page of this service; to the overview, where what was given is none.
fn place(next: &str) -> String {
    let (path, query) = next.split_once('?').unwrap_or((next, ""));
    let is_in_paths = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let is_in_queries = |byte: u8| byte.is_ascii_graphic() && !b"\\<>\"".contains(&byte);
    let is_page = path.split('/').next() == Some(HOME)
        && path.bytes().all(is_in_paths)
        && !path.contains("..")
        && query.bytes().all(is_in_queries);
    if is_page { format!("../{next}") } else { format!("../{HOME}") }
}

fn content(app: &App, next: &str) -> Markup {
    html! {
        h1 { (LOGIN) }
        @if app.access.keys.is_none() {
            p { "This service asks nobody for a key: " code { "--api-keys" } " makes it do so." }
        } @else {
            p { "Show a key of this service. The browser keeps a session for twelve hours, and not the key." }
            form.filter method="post" aria-label="Key" {
                label { "Key" input type="password" name="key" required maxlength="512" autocomplete="current-password"; }
                input type="hidden" name="next" value=(next);
                button { "Log in" }
            }
            form method="post" action="logout" { button { "End the session" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_at_a_page_of_this_service() {
        for next in ["ui", "ui/predictions?model=a%26b&since=2026-03-01T12:30:00Z", "ui/predictions/01a204b7"] {
            assert_eq!(place(next), format!("../{next}"));
        }
        for elsewhere in [
            "",
            "//evil.example",
            "https://evil.example",
            "ui/../../x",
            "ui\\evil",
            "uix",
            "ui/a b",
            "ui?a\r\nset-cookie:a",
            "/ui",
        ] {
            assert_eq!(place(elsewhere), "../ui", "{elsewhere}");
        }
    }
}
