//! The model that an invocation is for.
//!
//! Rule of thumb: the servers of this dialect have one model. Here it is the default one, unless the query or a header names
//! another.

use axum::extract::Query as UrlQuery;
use axum::http::{HeaderMap, Uri};
use monitoring::ApiError;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::dialects::refusal::invalid;

/// The header that names the model.
const MODEL: &str = "x-model";
/// The header that names its version.
const VERSION: &str = "x-model-version";

/// The model that is asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvokedModel {
    /// Name of the model, also in the header `X-Model`; may be left out where one is the default.
    #[param(example = "cifar10")]
    pub(super) model: Option<String>,
    /// Version of the model, also in the header `X-Model-Version`; the one that serves if it is left out.
    #[param(example = "1")]
    pub(super) version: Option<String>,
}

impl InvokedModel {
    /// The model that the query names, or the headers.
    ///
    /// # Errors
    /// `invalid_request` for a query that cannot be read, and for a header that is no text.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Result<Self, ApiError> {
        let UrlQuery(query) = UrlQuery::<Self>::try_from_uri(uri)
            .map_err(|problem| invalid(format!("The query cannot be read: {}.", problem.body_text())))?;
        let header = |name: &str| match headers.get(name).map(|value| value.to_str()) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value.to_owned())),
            Some(Err(_)) => Err(invalid(format!("The header {name} is no text."))),
        };
        Ok(Self {
            model: query.model.map_or_else(|| header(MODEL), |model| Ok(Some(model)))?,
            version: query.version.map_or_else(|| header(VERSION), |version| Ok(Some(version)))?,
        })
    }
}
