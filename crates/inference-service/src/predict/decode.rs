//! From the bytes and numbers of a request to the inputs of a model.
//!
//! Rule of thumb: a place in the queue is held before anything is decoded, so what is decoded at one time has a bound.

use std::sync::Arc;

use axum::body::Bytes;
use monitoring::{ApiError, ErrorCode};
use prediction_record::{FeatureValue, InputSummary};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use super::base64_text::{decoded, not_base64};
use crate::app::App;
use crate::input::{self, DecodedImage, ImageLimits, InputError, ModelInput, NumberArray};
use crate::model::{Engine, InputSpec, ModelFeatures, OptionalTensor, Tensor, hexadecimal};
use crate::rows::{FeatureRows, RecordedFeatures};
use crate::serving::QueueSlots;

/// Pictures of at most this many bytes and pixels are decoded on the spot; larger ones go to a thread that may block. Both
/// limits are needed, because a few bytes can hold millions of pixels.
const SMALL_BYTES: usize = 16 * 1024;
const SMALL_PIXELS: u64 = 512 * 512;

/// Pictures of at most this many bytes have their digest in the prediction log. A digest takes milliseconds for each
/// megabyte, and a prediction must not wait for it.
const DIGEST_BYTES: usize = 1024 * 1024;

/// What a request brought, not decoded yet.
pub(crate) enum Payload {
    /// Encoded pictures.
    Images(Vec<Bytes>),
    /// Encoded pictures as base64, perhaps as `data:` URLs.
    Base64(Vec<String>),
    /// The numbers of one picture.
    Tensor(NumberArray),
    /// The numbers of several pictures.
    Tensors(NumberArray),
    /// Tensors in the order of the model's inputs. Each row is an item, unless the model takes whole tensors.
    Typed(Vec<Tensor>),
    /// Rows of a table, each of which is an item.
    Rows(FeatureRows),
    /// Any of these, with values for optional inputs of the model.
    WithOptional { payload: Box<Payload>, optional: Vec<OptionalTensor> },
}

/// What the service does with each item.
#[derive(Clone, Copy)]
struct DecodeOptions {
    /// Whether the prediction log keeps something of it.
    is_logged: bool,
    limits: ImageLimits,
}

/// The items of a payload, and the places in the queue that they hold.
pub(super) struct DecodedPayload {
    pub(super) items: Vec<DecodedItem>,
    pub(super) slots: QueueSlots,
}

/// One item, decoded.
pub(super) struct DecodedItem {
    pub(super) input: ModelInput,
    /// `None` if predictions are not logged.
    pub(super) logged: Option<LoggedInput>,
}

/// What the prediction log keeps of an item.
#[derive(Default)]
pub(super) struct LoggedInput {
    /// The summary of a picture, or of a picture's tensor.
    pub(super) summary: Option<InputSummary>,
    /// The digest of the picture's bytes, where it is a picture and not too large.
    pub(super) sha256: Option<String>,
    /// The declared features of a row.
    pub(super) features: RecordedFeatures,
}

impl Payload {
    /// The same with values for optional inputs, if there are any.
    pub(crate) fn with_optional(self, optional: Vec<OptionalTensor>) -> Self {
        if optional.is_empty() { self } else { Self::WithOptional { payload: Box::new(self), optional } }
    }

    /// How many items this is, at least 1.
    ///
    /// # Errors
    /// `invalid_request` for none; `too_large` for more than `most`.
    pub(super) fn count(&self, engine: &Engine, most: usize) -> Result<usize, ApiError> {
        let items = match self {
            Self::WithOptional { payload, .. } => return payload.count(engine, most),
            Self::Images(images) => images.len(),
            Self::Base64(images) => images.len(),
            Self::Tensor(_) => 1,
            // Numbers that are no whole items are refused when they are decoded; until then they are one.
            Self::Tensors(numbers) => {
                let count = engine.item_shape().and_then(|item| item.count());
                count.and_then(|count| numbers.values.len().checked_div(count)).unwrap_or(1).max(1)
            }
            Self::Rows(rows) => rows.len(),
            Self::Typed(_) if engine.takes_whole_tensors() => 1,
            Self::Typed(tensors) => tensors.first().and_then(|tensor| tensor.shape().first().copied()).unwrap_or(1),
        };
        match items {
            0 => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                match self {
                    Self::Images(_) | Self::Base64(_) => "The list of images is empty.",
                    Self::Rows(_) => "There are no rows.",
                    _ => "The tensors have no row.",
                },
            )),
            items if items > most => Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("The request has {items} items, and at most {most} are taken at once."),
            )),
            items => Ok(items),
        }
    }

    /// Decodes every item. The places in `slots` stay taken while this works, and come back with the items.
    ///
    /// A picture may take hundreds of megabytes while it is decoded, so each large request waits for one of the
    /// decoders of `app`.
    ///
    /// # Errors
    /// `invalid_input`, `too_large`, or `invalid_request` for bad base64.
    pub(super) async fn decode(
        self,
        engine: &Arc<Engine>,
        slots: QueueSlots,
        app: &App,
    ) -> Result<DecodedPayload, ApiError> {
        let options = DecodeOptions { is_logged: app.outbox.keeps_records(), limits: app.config.image_limits() };
        if self.is_small() {
            return Ok(DecodedPayload { items: self.decode_now(engine, options)?, slots });
        }
        let decoder = app.decoders.clone().acquire_owned().await.map_err(ApiError::internal)?;
        let engine = engine.clone();
        let decoding = spawn_blocking(move || {
            // Decoder and places move along: if the client leaves, they stay taken until the work has really ended.
            let _decoder = decoder;
            Ok(DecodedPayload { items: self.decode_now(&engine, options)?, slots })
        });
        decoding.await.map_err(ApiError::internal)?
    }

    fn decode_now(self, engine: &Engine, options: DecodeOptions) -> Result<Vec<DecodedItem>, ApiError> {
        let spec = engine.config().input.as_ref();
        let is_logged = options.is_logged;
        match self {
            Self::WithOptional { payload, optional } => {
                let optional: Arc<[OptionalTensor]> = optional.into();
                let with =
                    |item: DecodedItem| DecodedItem { input: item.input.with_optional(optional.clone()), ..item };
                Ok(payload.decode_now(engine, options)?.into_iter().map(with).collect())
            }
            Self::Images(images) => {
                let spec = spec.ok_or_else(|| no_pictures(engine))?;
                let several = images.len() > 1;
                let picture = |(i, bytes): (usize, &Bytes)| {
                    DecodedItem::from_picture(bytes, spec, options).map_err(refused(several.then_some(i)))
                };
                images.iter().enumerate().map(picture).collect()
            }
            Self::Base64(images) => {
                let spec = spec.ok_or_else(|| no_pictures(engine))?;
                let several = images.len() > 1;
                let decoded = images.iter().enumerate().map(|(i, text)| {
                    let item = several.then_some(i);
                    let bytes = decoded(text).map_err(|problem| not_base64(item, &problem))?;
                    DecodedItem::from_picture(&bytes, spec, options).map_err(refused(item))
                });
                decoded.collect()
            }
            Self::Tensor(numbers) => {
                let item = engine.item_shape().ok_or_else(|| no_pictures(engine))?;
                let input = ModelInput::from_values(&item, numbers).map_err(refused(None))?;
                Ok(vec![DecodedItem::from_tensor(input, spec, is_logged)])
            }
            Self::Tensors(numbers) => {
                let item = engine.item_shape().ok_or_else(|| no_pictures(engine))?;
                let inputs = ModelInput::many_from_values(&item, numbers).map_err(refused(None))?;
                Ok(inputs.into_iter().map(|input| DecodedItem::from_tensor(input, spec, is_logged)).collect())
            }
            Self::Rows(rows) => {
                let features = engine.features().ok_or_else(|| no_pictures(engine))?;
                Ok(rows.rows().map(|row| DecodedItem::from_row(features, row, is_logged)).collect())
            }
            Self::Typed(tensors) if engine.takes_whole_tensors() => {
                Ok(vec![DecodedItem::from_table(ModelInput::of(tensors), 0, engine, is_logged)?])
            }
            Self::Typed(tensors) => {
                let mut rows: Vec<_> = tensors.iter().map(|tensor| tensor.rows().into_iter()).collect();
                let items = rows.first().map_or(0, ExactSizeIterator::len);
                let item = |_| ModelInput::of(rows.iter_mut().filter_map(Iterator::next).collect());
                let decoded = (0..items).map(item).enumerate();
                decoded.map(|(row, input)| DecodedItem::from_table(input, row, engine, is_logged)).collect()
            }
        }
    }

    fn is_small(&self) -> bool {
        match self {
            Self::Images(images) => {
                images.iter().map(Bytes::len).sum::<usize>() <= SMALL_BYTES
                    && images.iter().map(|bytes| pixels(bytes)).sum::<u64>() <= SMALL_PIXELS
            }
            Self::Base64(images) => {
                images.iter().map(String::len).sum::<usize>() <= SMALL_BYTES
                    && images.iter().map(|text| decoded(text).map_or(0, |bytes| pixels(&bytes))).sum::<u64>()
                        <= SMALL_PIXELS
            }
            // Numbers are parsed already; what is left is quick.
            Self::Tensor(_) | Self::Tensors(_) | Self::Typed(_) | Self::Rows(_) => true,
            Self::WithOptional { payload, .. } => payload.is_small(),
        }
    }
}

impl DecodedItem {
    fn from_picture(bytes: &[u8], spec: &InputSpec, options: DecodeOptions) -> Result<Self, InputError> {
        let DecodedImage { input, header } = input::decode_with_header(bytes, spec, &options.limits)?;
        let logged = options.is_logged.then(|| LoggedInput {
            summary: Some(input::summarise(&input, spec, [header.width, header.height])),
            sha256: (bytes.len() <= DIGEST_BYTES).then(|| hexadecimal(&Sha256::digest(bytes))),
            features: RecordedFeatures::default(),
        });
        Ok(Self { input, logged })
    }

    fn from_tensor(input: ModelInput, spec: Option<&InputSpec>, is_logged: bool) -> Self {
        let summary = || spec.map(|spec| input::summarise(&input, spec, [spec.width, spec.height]));
        let logged = is_logged.then(|| LoggedInput { summary: summary(), ..LoggedInput::default() });
        Self { input, logged }
    }

    /// A row of checked values.
    fn from_row(features: &ModelFeatures, row: &[FeatureValue], is_logged: bool) -> Self {
        let features_of = || RecordedFeatures::of_row(features, row);
        let logged = is_logged.then(|| LoggedInput { features: features_of(), ..LoggedInput::default() });
        Self { input: ModelInput::of(features.tensors(row)), logged }
    }

    /// Tensors, whose rows are held against the features that the model declares; the first is this one of the request.
    fn from_table(input: ModelInput, first_row: usize, engine: &Engine, is_logged: bool) -> Result<Self, ApiError> {
        let features_of = |features| RecordedFeatures::of_tensors(features, input.tensors(), first_row);
        let features = engine.features().map(features_of).transpose()?.unwrap_or_default();
        let logged = is_logged.then(|| LoggedInput { features, ..LoggedInput::default() });
        Ok(Self { input, logged })
    }
}

fn no_pictures(engine: &Engine) -> ApiError {
    let sentence = format!(
        "The model {0} takes no pictures; send it tensors as JSON, {{\"inputs\": {{NAME: […]}}}}, or at /v2/models/{0}/infer. \
         GET /v2/models/{0} says which.",
        engine.name()
    );
    ApiError::new(ErrorCode::InvalidInput, sentence)
}

/// How many pixels the picture's header announces; 0 for anything else than a picture, which is refused at once.
fn pixels(picture: &[u8]) -> u64 {
    let from_header = || input::read_header(picture).ok().map(|header| [header.width, header.height]);
    let size = input::jpeg_size(picture).or_else(from_header);
    size.map_or(0, |[width, height]| u64::from(width) * u64::from(height))
}

/// Turns an input's problem into a refusal; `item` is the input's position where there are several.
pub(super) fn refused(item: Option<usize>) -> impl Fn(InputError) -> ApiError {
    move |problem| {
        let code = match problem {
            InputError::TooLarge { .. } => ErrorCode::TooLarge,
            InputError::UnsupportedFormat { .. }
            | InputError::Undecodable { .. }
            | InputError::WrongShape { .. }
            | InputError::WrongType { .. }
            | InputError::MissingValue { .. }
            | InputError::WrongName { .. }
            | InputError::NonFinite { .. } => ErrorCode::InvalidInput,
        };
        let logged = problem.without_values();
        match item {
            None => ApiError::new(code, format!("The input is refused: {problem}."))
                .logged_as(format!("The input is refused: {logged}.")),
            Some(item) => ApiError::new(code, format!("Item {item} is refused: {problem}."))
                .logged_as(format!("Item {item} is refused: {logged}."))
                .detail("item", item),
        }
    }
}
