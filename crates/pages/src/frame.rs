//! What stands around the content of a page, and the headers with which it is sent.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

/// The policy of a page. A browser may load files and pictures of this service, send forms to it, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A page that others lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it is, as seen from the folder of the pages.
    pub href: &'static str,
    /// Its title.
    pub name: &'static str,
}

/// What stands around the content of a page.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The service that the page belongs to.
    pub service: &'a str,
    /// The title; the place of this name is marked as the one where the reader is.
    pub title: &'a str,
    /// Where one can go from here.
    pub places: &'a [Place],
    /// The way from the page to the folder of the pages: nothing, or `../` from a folder below.
    pub up: &'a str,
}

impl Frame<'_> {
    /// The page with this content.
    #[must_use]
    pub fn page(&self, content: &Markup) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
        ];
        (headers, self.markup(content).into_string()).into_response()
    }

    fn markup(&self, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · " (self.service) }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href={ (self.up) "style.css" };
                    script src={ (self.up) "script.js" } defer {}
                }
                body {
                    a.skip href="#content" { "To the content" }
                    header {
                        span.brand { "Glasshouse" }
                        nav aria-label="Pages" {
                            @for place in self.places {
                                a href={ (self.up) (place.href) } aria-current=[(place.name == self.title).then_some("page")] {
                                    (place.name)
                                }
                            }
                        }
                    }
                    main id="content" { (content) }
                }
            }
        }
    }
}

/// Sends the reader to another page.
#[must_use]
pub fn redirect(href: &str) -> Response {
    match HeaderValue::from_str(href) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}
