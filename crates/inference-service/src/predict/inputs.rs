//! From the bytes and numbers of a request to the inputs of a model.

use std::sync::Arc;

use axum::body::Bytes;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use monitoring::{ApiError, ErrorCode};
use tokio::task::spawn_blocking;

use crate::input::{self, ImageLimits, InputError, ModelInput, Numbers};
use crate::model::{Engine, ModelConfig};
use crate::serving::Slots;

/// Bytes of encoded pictures that are decoded on the spot; more go to a thread that may block.
const SMALL_BYTES: usize = 16 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request brought, not decoded yet.
pub(super) enum Inputs {
    /// Encoded pictures.
    Images(Vec<Bytes>),
    /// Encoded pictures as base64, perhaps as `data:` URLs.
    Base64(Vec<String>),
    /// The tensor of one item.
    Tensor(Numbers),
    /// The tensors of several items.
    Tensors(Numbers),
}

impl Inputs {
    /// How many items this is, at least 1.
    ///
    /// # Errors
    /// `invalid_request` for none; `too_large` for more than `most`.
    pub(super) fn count(&self, config: &ModelConfig, most: usize) -> Result<usize, ApiError> {
        let items = match self {
            Self::Images(images) => images.len(),
            Self::Base64(images) => images.len(),
            Self::Tensor(_) => 1,
            // Numbers that are no whole items are refused when they are decoded; until then they are one.
            Self::Tensors(numbers) => numbers.total().checked_div(config.input.count()).unwrap_or(1).max(1),
        };
        match items {
            0 => Err(ApiError::new(ErrorCode::InvalidRequest, "The list of images is empty.")),
            items if items > most => Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("The request has {items} items, and at most {most} are taken at once."),
            )),
            items => Ok(items),
        }
    }

    /// The model's inputs, one for each item. `slots` are held as long as this works, and come back after it.
    ///
    /// # Errors
    /// `invalid_input`, `too_large`, or `invalid_request` for bad base64.
    pub(super) async fn decode(self, engine: &Arc<Engine>, slots: Slots) -> Result<(Vec<ModelInput>, Slots), ApiError> {
        if self.encoded_bytes() <= SMALL_BYTES {
            return Ok((self.decode_now(engine)?, slots));
        }
        let engine = engine.clone();
        // The places move along: if the client leaves, they stay taken until the work is really over.
        let work = spawn_blocking(move || (self.decode_now(&engine), slots));
        let (inputs, slots) = work.await.map_err(ApiError::internal)?;
        Ok((inputs?, slots))
    }

    fn decode_now(self, engine: &Engine) -> Result<Vec<ModelInput>, ApiError> {
        let spec = &engine.config().input;
        let limits = ImageLimits::default();
        let picture = |bytes: &[u8]| input::decode(bytes, spec, &limits);
        match self {
            Self::Images(images) => {
                let several = images.len() > 1;
                let decoded =
                    images.iter().enumerate().map(|(i, bytes)| picture(bytes).map_err(refused(several.then_some(i))));
                decoded.collect()
            }
            Self::Base64(images) => {
                let several = images.len() > 1;
                let decoded = images.iter().enumerate().map(|(i, text)| {
                    let bytes = from_base64(text)?;
                    picture(&bytes).map_err(refused(several.then_some(i)))
                });
                decoded.collect()
            }
            Self::Tensor(numbers) => {
                ModelInput::from_values(spec, numbers).map(|input| vec![input]).map_err(refused(None))
            }
            Self::Tensors(numbers) => ModelInput::many_from_values(spec, numbers).map_err(refused(None)),
        }
    }

    fn encoded_bytes(&self) -> usize {
        match self {
            Self::Images(images) => images.iter().map(Bytes::len).sum(),
            Self::Base64(images) => images.iter().map(String::len).sum(),
            // Numbers are parsed already; what is left is quick.
            Self::Tensor(_) | Self::Tensors(_) => 0,
        }
    }
}

/// Decodes the standard alphabet with or without padding; a `data:` URL's head is skipped.
fn from_base64(text: &str) -> Result<Vec<u8>, ApiError> {
    let payload = match text.strip_prefix("data:").and_then(|url| url.split_once(";base64,")) {
        Some((_, payload)) => payload,
        None => text,
    };
    BASE64
        .decode(payload.trim())
        .map_err(|problem| ApiError::new(ErrorCode::InvalidRequest, format!("An image is not base64: {problem}.")))
}

/// Turns an input's problem into a refusal, which names the item if there are several.
fn refused(item: Option<usize>) -> impl Fn(InputError) -> ApiError {
    move |problem| {
        let code = match problem {
            InputError::TooLarge { .. } => ErrorCode::TooLarge,
            InputError::UnsupportedFormat { .. }
            | InputError::Undecodable { .. }
            | InputError::WrongShape { .. }
            | InputError::WrongType { .. }
            | InputError::NonFinite { .. } => ErrorCode::InvalidInput,
        };
        match item {
            None => ApiError::new(code, format!("The input is refused: {problem}.")),
            Some(item) => ApiError::new(code, format!("Item {item} is refused: {problem}.")).detail("item", item),
        }
    }
}
