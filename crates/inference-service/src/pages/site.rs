//! The pages as a whole: what stands around each of them.

use axum::response::Response;
use maud::Markup;
use pages::{Frame, Place};

use crate::app::SERVICE;

pub(super) const MODELS: &str = "Models";

const PLACES: [Place; 3] = [
    Place { href: "../ui", name: MODELS },
    Place { href: "../docs", name: "API" },
    Place { href: "../metrics", name: "Metrics" },
];

/// A page of this service; `up` is the way from it to `/ui/`.
pub(super) fn page(up: &str, title: &str, content: &Markup) -> Response {
    Frame { service: SERVICE, title, places: &PLACES, up }.page(content)
}
