//! The refusals of an operation, as the OpenAPI description lists them.
//!
//! Rule of thumb: an operation names the codes that it can end with; status, sentence and shape follow from the code.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};

use super::ErrorCode;
use crate::metrics::LabelEnum as _;

/// Declares a set of refusals for `responses(…)` of `#[utoipa::path]`: `refusals! { pub(crate) QueryRefusals: InvalidRequest; }`.
#[macro_export]
macro_rules! refusals {
    ($($(#[$meta:meta])* $vis:vis $name:ident: $($code:ident),+;)+) => {$(
        $(#[$meta])*
        $vis enum $name {}

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::response::Response>,
            > {
                $crate::refusals_of(&[$($crate::ErrorCode::$code),+])
            }
        }
    )+};
}

/// The answers with these codes, by status.
#[must_use]
pub fn refusals_of(codes: &[ErrorCode]) -> BTreeMap<String, RefOr<Response>> {
    refusals_by(codes, ErrorCode::status)
}

/// The answers with these codes, by the status that a protocol has for each.
#[must_use]
pub fn refusals_by(codes: &[ErrorCode], status: impl Fn(ErrorCode) -> u16) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in codes {
        by_status.entry(status(*code)).or_default().push(*code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), RefOr::T(refusal(&codes)))).collect()
}

fn refusal(codes: &[ErrorCode]) -> Response {
    let meanings: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.meaning())).collect();
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().map(|code| code.as_str())));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("Refusal"))
        .item(ObjectBuilder::new().property("code", code).required("code"));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(meanings.join(" ")).content("application/json", content).build()
}
