//! The pages as a whole: their titles, and what stands around each of them.

use axum::response::Response;
use maud::Markup;
use pages::{Frame, Place};

/// The service's name.
pub(super) const SERVICE: &str = env!("CARGO_PKG_NAME");

pub(super) const OVERVIEW: &str = "Overview";
pub(super) const PREDICTIONS: &str = "Predictions";
pub(super) const LABEL: &str = "Label";
pub(super) const QUALITY: &str = "Quality";
pub(super) const DRIFT: &str = "Drift";
pub(super) const COMPARE: &str = "Compare";
pub(super) const DATA: &str = "Data";
pub(super) const LOGIN: &str = "Key";

const PLACES: [Place; 9] = [
    Place { href: "../ui", name: OVERVIEW },
    Place { href: "predictions", name: PREDICTIONS },
    Place { href: "label", name: LABEL },
    Place { href: "quality", name: QUALITY },
    Place { href: "drift", name: DRIFT },
    Place { href: "compare", name: COMPARE },
    Place { href: "data", name: DATA },
    Place { href: "../docs", name: "API" },
    Place { href: "login", name: LOGIN },
];

/// A page of this service; `up` is the way from it to `/ui/`.
pub(super) fn page(up: &str, title: &str, content: &Markup) -> Response {
    Frame { service: SERVICE, title, places: &PLACES, up }.page(content)
}
