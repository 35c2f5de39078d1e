//! The parsing of the query, JSON and forms of `POST /predict`.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Query as UrlQuery, Request};
use axum::http::{HeaderMap, Uri};
use monitoring::{ApiError, ErrorCode};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use utoipa::{IntoParams, ToSchema};

use super::inputs::Inputs;
use crate::input::Numbers;

const BAD_TOP_K: &str = "top_k must be a whole number, 1 or more";

/// The options that every encoding takes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    /// Name of the model; may be left out where one is the default.
    #[param(example = "cifar10")]
    pub(super) model: Option<String>,
    /// Version of the model; the one that serves if it is left out.
    #[param(example = "1")]
    pub(super) version: Option<String>,
    /// How many of the likeliest classes to tell of; 1 if it is left out.
    #[serde(default, deserialize_with = "top_k")]
    #[param(minimum = 1, example = 3)]
    pub(super) top_k: Option<usize>,
}

impl Query {
    pub(super) fn parse(uri: &Uri) -> Result<Self, ApiError> {
        UrlQuery::try_from_uri(uri).map(|UrlQuery(query)| query).map_err(|problem| {
            let problem = problem.body_text();
            let problem = problem.strip_prefix("Failed to deserialize query string: ").unwrap_or(&problem);
            invalid(format!("The query cannot be read: {problem}."))
        })
    }

    pub(super) fn overridden_by(self, body: Self) -> Self {
        Self {
            model: body.model.or(self.model),
            version: body.version.or(self.version),
            top_k: body.top_k.or(self.top_k),
        }
    }
}

/// A JSON body, taken apart.
pub(super) struct JsonBody {
    pub(super) options: Query,
    pub(super) request_id: Option<String>,
    pub(super) inputs: Inputs,
}

/// The members of a JSON body. Numbers go straight into one buffer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PredictMembers, description = "One item or several, and the options.")]
pub(crate) struct Members {
    /// Name of the model; may be left out where one is the default.
    model: Option<String>,
    /// Version of the model; the one that serves if it is left out.
    #[schema(inline)]
    version: Option<Version>,
    /// How many of the likeliest classes to tell of; 1 if it is left out.
    #[serde(default, deserialize_with = "top_k")]
    #[schema(minimum = 1)]
    top_k: Option<usize>,
    /// The request's id, instead of the header's.
    #[schema(pattern = "^[!-~]{1,128}$")]
    request_id: Option<String>,
    /// An encoded picture as base64, perhaps as a `data:` URL.
    image: Option<String>,
    /// Several of them.
    #[schema(min_items = 1)]
    images: Option<Vec<String>>,
    /// The numbers of one item, nested or flat, normalised as the model takes them.
    input: Option<Numbers>,
    /// Those of several items.
    inputs: Option<Numbers>,
}

/// `"1"`, or `1` as people write it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "version must be a text such as \"1\"")]
enum Version {
    Text(String),
    Number(u32),
}

pub(super) fn json(body: &[u8]) -> Result<JsonBody, ApiError> {
    // Without this, an array would be taken as the members in their order here.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(invalid("The JSON must be an object, such as {\"image\": \"<base64>\"}."));
    }
    let members: Members =
        serde_json::from_slice(body).map_err(|problem| invalid(format!("The JSON cannot be read: {problem}.")))?;
    let version = members.version.map(|version| match version {
        Version::Text(version) => version,
        Version::Number(version) => version.to_string(),
    });
    let options = Query { model: members.model, version, top_k: members.top_k };
    let inputs = match (members.image, members.images, members.input, members.inputs) {
        (Some(image), None, None, None) => Inputs::Base64(vec![image]),
        (None, Some(images), None, None) => Inputs::Base64(images),
        (None, None, Some(input), None) => Inputs::Tensor(input),
        (None, None, None, Some(inputs)) => Inputs::Tensors(inputs),
        _ => return Err(invalid("The JSON must have exactly one of image, images, input and inputs.")),
    };
    Ok(JsonBody { options, request_id: members.request_id, inputs })
}

/// A form with at least one part `image`, and optional parts `model`, `version` and `top_k`.
pub(super) async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<(Query, Vec<Bytes>), ApiError> {
    let unreadable = |problem: &dyn std::fmt::Display| invalid(format!("The form cannot be read: {problem}."));
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = headers.clone();
    let mut form = Multipart::from_request(request, &()).await.map_err(|problem| unreadable(&problem.body_text()))?;
    let (mut options, mut images) = (Query::default(), Vec::new());
    while let Some(part) = form.next_field().await.map_err(|problem| unreadable(&problem.body_text()))? {
        let name = part.name().unwrap_or_default().to_owned();
        let content = part.bytes().await.map_err(|problem| unreadable(&problem.body_text()))?;
        let text = || String::from_utf8_lossy(&content).trim().to_owned();
        match name.as_str() {
            "image" => images.push(content),
            "model" => options.model = Some(text()),
            "version" => options.version = Some(text()),
            "top_k" => {
                let top_k = text().parse().map_err(|_| invalid(format!("{BAD_TOP_K}.")))?;
                options.top_k = Some(top_k);
            }
            _ => return Err(invalid("The form may have the parts image, model, version and top_k only.")),
        }
    }
    if images.is_empty() {
        return Err(invalid("The form has no part named image."));
    }
    Ok((options, images))
}

fn top_k<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    Option::deserialize(deserializer).map_err(|_| D::Error::custom(BAD_TOP_K))
}

fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}
