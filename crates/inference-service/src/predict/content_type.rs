//! The body of `POST /predict`, taken apart by its content type: a picture, a form of pictures, or JSON.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::decode::Payload;
use super::options::{BAD_TOP_K, PredictOptions, is_request_id, read_top_k};
use crate::input::Numbers;
use crate::openapi::bytes::RawBytes;

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
    /// `unsupported_media_type`, or `invalid_request` for a body that is not what its type says.
    pub(super) async fn parse(headers: &HeaderMap, query: PredictOptions, body: Bytes) -> Result<Self, ApiError> {
        let parsed = match monitoring::media_type(headers).as_str() {
            "image/jpeg" | "image/jpg" | "image/png" | "image/webp" | "image/bmp" => Self::from_picture(body),
            "multipart/form-data" => PredictForm::read(headers, body).await?.into(),
            "application/json" => PredictMembers::read(&body)?.try_into()?,
            "" => return Err(unsupported("The request has no Content-Type")),
            other => {
                let shown: String = other.chars().take(100).collect();
                return Err(unsupported(&format!("The Content-Type is {shown}")));
            }
        };
        Ok(Self { options: query.overridden_by(parsed.options), ..parsed })
    }

    fn from_picture(picture: Bytes) -> Self {
        Self { options: PredictOptions::default(), request_id: None, payload: Payload::Images(vec![picture]) }
    }
}

/// A form with at least one picture.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PredictForm {
    /// A picture; may be repeated.
    #[schema(value_type = Vec<RawBytes>, min_items = 1)]
    image: Vec<Bytes>,
    #[schema(nullable = false)]
    model: Option<String>,
    #[schema(nullable = false)]
    version: Option<String>,
    #[schema(value_type = Option<usize>, nullable = false, minimum = 1)]
    top_k: Option<NonZeroUsize>,
}

impl PredictForm {
    async fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, ApiError> {
        let unreadable = |problem: &dyn std::fmt::Display| invalid(format!("The form cannot be read: {problem}."));
        let mut request = Request::new(Body::from(body));
        *request.headers_mut() = headers.clone();
        let parts = Multipart::from_request(request, &()).await;
        let mut parts = parts.map_err(|problem| unreadable(&problem.body_text()))?;
        let mut form = Self { image: Vec::new(), model: None, version: None, top_k: None };
        while let Some(part) = parts.next_field().await.map_err(|problem| unreadable(&problem.body_text()))? {
            let name = part.name().unwrap_or_default().to_owned();
            let content = part.bytes().await.map_err(|problem| unreadable(&problem.body_text()))?;
            let text = || String::from_utf8_lossy(&content).trim().to_owned();
            match name.as_str() {
                "image" => form.image.push(content),
                "model" => form.model = Some(text()),
                "version" => form.version = Some(text()),
                "top_k" => form.top_k = Some(text().parse().map_err(|_| invalid(format!("{BAD_TOP_K}.")))?),
                _ => return Err(invalid("The form may have the parts image, model, version and top_k only.")),
            }
        }
        if form.image.is_empty() {
            return Err(invalid("The form has no part named image."));
        }
        Ok(form)
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

fn unsupported(what: &str) -> ApiError {
    let sentence = format!(
        "{what}; send image/jpeg, image/png, image/webp, image/bmp, multipart/form-data or application/json \
         (curl: -H 'content-type: image/jpeg')."
    );
    ApiError::new(ErrorCode::UnsupportedMediaType, sentence)
}

fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}
