//! The body of `POST /predict`, taken apart by its kind: a picture, a form of pictures, or JSON.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body_kind::BodyKind;
use super::decode::Payload;
use super::form::PredictForm;
use super::options::{PredictOptions, is_request_id, read_top_k};
use crate::input::Numbers;

/// What a request asks and brings.
pub(super) struct PredictRequest {
    pub(super) options: PredictOptions,
    /// The id that the request gives itself in its body.
    pub(super) request_id: Option<Arc<str>>,
    pub(super) payload: Payload,
}

impl PredictRequest {
    /// Takes a body apart. Its options go before those of the query.
    ///
    /// # Errors
    /// `unsupported_media_type`, or `invalid_request` for a body that is not what it claims to be.
    pub(super) async fn parse(headers: &HeaderMap, query: PredictOptions, body: Bytes) -> Result<Self, ApiError> {
        let parsed = match BodyKind::of(headers, &body)? {
            BodyKind::Picture => Self::from_picture(body),
            BodyKind::Form => PredictForm::read(headers, body).await?.into(),
            BodyKind::Json => PredictMembers::read(&body)?.try_into()?,
        };
        Ok(Self { options: query.overridden_by(parsed.options), ..parsed })
    }

    fn from_picture(picture: Bytes) -> Self {
        Self { options: PredictOptions::default(), request_id: None, payload: Payload::Images(vec![picture]) }
    }
}

impl From<PredictForm> for PredictRequest {
    fn from(PredictForm { image, model, version, top_k }: PredictForm) -> Self {
        let options = PredictOptions { model, version, top_k };
        Self { options, request_id: None, payload: Payload::Images(image) }
    }
}

/// The members of a JSON body. Numbers go straight into one buffer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(description = "One item or several, and the options.")]
pub(crate) struct PredictMembers {
    /// Name of the model; may be left out where one is the default.
    model: Option<String>,
    /// Version of the model; the one that serves if it is left out.
    #[schema(inline)]
    version: Option<VersionMember>,
    /// How many of the likeliest classes to tell of; 1 if it is left out.
    #[serde(default, deserialize_with = "read_top_k")]
    #[schema(value_type = Option<usize>, minimum = 1)]
    top_k: Option<NonZeroUsize>,
    /// The request's id, instead of the header's.
    #[schema(pattern = "^[!-~]{1,128}$")]
    request_id: Option<String>,
    /// An encoded picture as base64, perhaps as a `data:` URL.
    image: Option<String>,
    /// Several pictures, each as base64.
    #[schema(min_items = 1)]
    images: Option<Vec<String>>,
    /// The numbers of one item, nested or flat, normalised as the model takes them.
    input: Option<Numbers>,
    /// The numbers of several items.
    inputs: Option<Numbers>,
}

/// `"1"`, or `1` as people write it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "version must be a text such as \"1\"")]
enum VersionMember {
    Text(String),
    Number(u32),
}

impl PredictMembers {
    fn read(body: &[u8]) -> Result<Self, ApiError> {
        // Without this, an array would be taken as the members in their order here.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(invalid("The JSON must be an object, such as {\"image\": \"<base64>\"}."));
        }
        serde_json::from_slice(body).map_err(|problem| invalid(format!("The JSON cannot be read: {problem}.")))
    }
}

impl TryFrom<PredictMembers> for PredictRequest {
    type Error = ApiError;

    fn try_from(members: PredictMembers) -> Result<Self, ApiError> {
        let payload = match (members.image, members.images, members.input, members.inputs) {
            (Some(image), None, None, None) => Payload::Base64(vec![image]),
            (None, Some(images), None, None) => Payload::Base64(images),
            (None, None, Some(input), None) => Payload::Tensor(input),
            (None, None, None, Some(inputs)) => Payload::Tensors(inputs),
            _ => return Err(invalid("The JSON must have exactly one of image, images, input and inputs.")),
        };
        if members.request_id.as_ref().is_some_and(|id| !is_request_id(id)) {
            return Err(invalid("request_id must be 1 to 128 visible ASCII characters."));
        }
        let version = members.version.map(|version| match version {
            VersionMember::Text(version) => version,
            VersionMember::Number(version) => version.to_string(),
        });
        let options = PredictOptions { model: members.model, version, top_k: members.top_k };
        Ok(Self { options, request_id: members.request_id.map(Arc::from), payload })
    }
}

fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}
