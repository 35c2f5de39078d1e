//! The body of `POST /predict`, taken apart by its kind: a picture, a form of pictures, a table, or JSON.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode};
#[allow(unused_imports, reason = "the schema names it")]
use prediction_record::FeatureValue;
use prediction_record::Tags;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answer_form::AnswerForm;
use super::body_kind::BodyKind;
use super::brought::BroughtPayload;
use super::decode::Payload;
use super::form::PredictForm;
use super::options::{PredictOptions, is_request_id, read_top_k};
use crate::app::App;
use crate::input::JsonTensorsSchema;
use crate::rows::no_number_in_rows;

/// What a request asks and brings.
pub(super) struct PredictRequest {
    pub(super) options: PredictOptions,
    /// The id that the request gives itself in its body.
    pub(super) request_id: Option<Arc<str>>,
    /// The tags that the body has; they go before those of the header.
    pub(super) tags: Tags,
    pub(super) brought: BroughtPayload,
    pub(super) answer: AnswerForm,
}

impl PredictRequest {
    /// Takes a body apart. Its options go before those of the query.
    ///
    /// # Errors
    /// `unsupported_media_type`, or `invalid_request` for a body that is not what it claims to be.
    pub(super) async fn parse(
        headers: &HeaderMap,
        query: PredictOptions,
        body: Bytes,
        app: &App,
    ) -> Result<Self, ApiError> {
        let kind = BodyKind::of(headers, &body)?;
        let parsed = match kind {
            BodyKind::Picture => Self::bare(Payload::Images(vec![body]).into()),
            BodyKind::Csv => Self::bare(BroughtPayload::Csv(body)),
            BodyKind::Parquet => Self::bare(BroughtPayload::Parquet(body)),
            BodyKind::ArrowStream | BodyKind::ArrowFile => Self::bare(BroughtPayload::Arrow(body)),
            BodyKind::Form => PredictForm::read(headers, body).await?.into(),
            BodyKind::Json => {
                let read = || PredictMembers::read(&body)?.into_request(&body);
                app.decoders.by_size(body.len(), read).await??
            }
        };
        let answer = AnswerForm::of(kind, headers);
        Ok(Self { options: query.overridden_by(parsed.options), answer, ..parsed })
    }

    /// A body that has nothing else.
    fn bare(brought: BroughtPayload) -> Self {
        let options = PredictOptions::default();
        Self { options, request_id: None, tags: Tags::new(), brought, answer: AnswerForm::Json }
    }
}

impl From<PredictForm> for PredictRequest {
    fn from(PredictForm { image, model, version, top_k }: PredictForm) -> Self {
        let options = PredictOptions { model, version, top_k };
        Self { options, ..Self::bare(Payload::Images(image).into()) }
    }
}

/// The members of a JSON body. Tensors are read when their model is known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(description = "One item or several, and the options.")]
pub(crate) struct PredictMembers<'a> {
    /// Name of the model; may be left out where one is the default.
    model: Option<String>,
    /// Version of the model; the one that serves if it is left out.
    #[schema(inline)]
    version: Option<VersionMember>,
    /// How many of the likeliest classes to tell of, or all where there are fewer; 1 if it is left out.
    #[serde(default, deserialize_with = "read_top_k")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 4294967295u32)]
    top_k: Option<NonZeroU32>,
    /// The request's id, instead of the header's.
    #[schema(pattern = "^[!-~]{1,128}$")]
    request_id: Option<String>,
    /// An encoded picture as base64, perhaps as a `data:` URL.
    image: Option<String>,
    /// Several pictures, each as base64.
    #[schema(min_items = 1)]
    images: Option<Vec<String>>,
    /// One item, nested or flat, as the model takes it; of a model that takes whole tensors, the tensor of its one input.
    #[serde(borrow)]
    #[schema(value_type = Option<JsonTensorsSchema>)]
    input: Option<&'a RawValue>,
    /// Several items; or an object of tensors by the names of the model's inputs.
    #[serde(borrow)]
    #[schema(value_type = Option<JsonTensorsSchema>)]
    inputs: Option<&'a RawValue>,
    /// Rows of a table, by the names of the features that the model declares; what is missing is `null` or left out.
    #[serde(borrow)]
    #[schema(value_type = Option<Vec<HashMap<String, FeatureValue>>>, min_items = 1)]
    rows: Option<&'a RawValue>,
    /// The segments that the predictions belong to; they go before those of the header `X-Tags`.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, String>>)]
    tags: Tags,
}

/// `"1"`, or `1` as people write it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, expecting = "version must be a text such as \"1\"")]
enum VersionMember {
    Text(String),
    Number(u32),
}

impl<'a> PredictMembers<'a> {
    fn read(body: &'a [u8]) -> Result<Self, ApiError> {
        // Without this, an array would be taken as the members in their order here.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(invalid("The JSON must be an object, such as {\"image\": \"<base64>\"}."));
        }
        serde_json::from_slice(body).map_err(|problem| {
            no_number_in_rows(body).unwrap_or_else(|| invalid(format!("The JSON cannot be read: {problem}.")))
        })
    }

    /// `body` is what the members were read from.
    fn into_request(self, body: &Bytes) -> Result<PredictRequest, ApiError> {
        let members = self;
        let tensors = |text: &RawValue| body.slice_ref(text.get().as_bytes());
        let brought = match (members.image, members.images, members.input, members.inputs, members.rows) {
            (Some(image), None, None, None, None) => Payload::Base64(vec![image]).into(),
            (None, Some(images), None, None, None) => Payload::Base64(images).into(),
            (None, None, Some(input), None, None) => BroughtPayload::One(tensors(input)),
            (None, None, None, Some(inputs), None) => BroughtPayload::Several(tensors(inputs)),
            (None, None, None, None, Some(rows)) => BroughtPayload::Rows(tensors(rows)),
            _ => return Err(invalid("The JSON must have exactly one of image, images, input, inputs and rows.")),
        };
        if members.request_id.as_ref().is_some_and(|id| !is_request_id(id)) {
            return Err(invalid("request_id must be 1 to 128 visible ASCII characters."));
        }
        let version = members.version.map(|version| match version {
            VersionMember::Text(version) => version,
            VersionMember::Number(version) => version.to_string(),
        });
        let options = PredictOptions { model: members.model, version, top_k: members.top_k };
        let request_id = members.request_id.map(Arc::from);
        Ok(PredictRequest { options, request_id, tags: members.tags, ..PredictRequest::bare(brought) })
    }
}

fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}
