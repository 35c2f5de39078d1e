//! Encoded pictures into items: where, for how long, and how many at once.
//!
//! Rule of thumb: pixels cost, and bytes do not tell of them; a few kilobytes can hold as many pixels as are taken.

use std::sync::Arc;

use axum::body::Bytes;
use monitoring::{ApiError, ErrorCode};

use super::base64_text::{decoded, not_base64};
use super::decoded_item::{DecodeOptions, DecodedItem, no_pictures, refused};
use crate::input::{self, DecodePatience};
use crate::model::{Engine, InputSpec};
use crate::serving::{DecodeSize, Decoders};

/// Pictures of at most this many bytes and pixels are decoded on the spot; larger ones go to a thread that may block. Both
/// limits are needed, because a few bytes can hold millions of pixels.
const SMALL_BYTES: usize = 16 * 1024;
const SMALL_PIXELS: u64 = 512 * 512;
/// Requests with more pixels are large: they wait for each other, and not in the way of others.
const MIDDLE_PIXELS: u64 = 4 * 1024 * 1024;
/// A request of several pictures may have so many times the pixels of the largest one. A few kilobytes can hold as many
/// pixels as are taken, and a batch of such files would keep a decoder for a minute.
const MOST_OF_THE_LARGEST: u64 = 4;

/// Decoded with its transparency, and converted to the model's colour.
const BYTES_OF_A_PIXEL: usize = 8;

/// What is to be done with the items of a request, and until when.
pub(super) struct DecodeWork {
    pub(super) engine: Arc<Engine>,
    pub(super) options: DecodeOptions,
    pub(super) patience: DecodePatience,
}

impl DecodeWork {
    /// Decodes encoded pictures, whose size decides where.
    pub(super) async fn pictures(
        self,
        pictures: Vec<Bytes>,
        decoders: &Decoders,
    ) -> Result<Vec<DecodedItem>, ApiError> {
        self.spec()?;
        let Self { options, patience, .. } = &self;
        let largest = options.limits.max_pixels;
        let pixels = pictures.iter().map(|picture| pixels(picture, largest)).fold(0, u64::saturating_add);
        let most = largest.saturating_mul(MOST_OF_THE_LARGEST);
        if pixels > most {
            let sentence = format!(
                "The pictures have {pixels} pixels together, and at most {most} are taken at once; send them in several requests."
            );
            return Err(ApiError::new(ErrorCode::TooLarge, sentence));
        }
        let bytes = pictures.iter().map(Bytes::len).sum::<usize>();
        if bytes <= SMALL_BYTES && pixels <= SMALL_PIXELS {
            return self.pictures_now(&pictures);
        }
        let patience = patience.clone();
        if pixels <= MIDDLE_PIXELS {
            let memory = pictures.iter().map(|picture| memory(picture, largest)).max().unwrap_or_default();
            return decoders.turn(DecodeSize::Middle, memory, &patience, move || self.pictures_now(&pictures)).await;
        }
        // Each picture is a turn of its own, so that requests with one come in between.
        let (work, several) = (Arc::new(self), pictures.len() > 1);
        let mut items = Vec::with_capacity(pictures.len());
        for (place, picture) in pictures.into_iter().enumerate() {
            let (work, memory) = (work.clone(), memory(&picture, largest));
            let decode = move || work.picture(&picture, several.then_some(place));
            items.push(decoders.turn(DecodeSize::Large, memory, &patience, decode).await?);
        }
        Ok(items)
    }

    /// How the model takes pictures.
    pub(super) fn spec(&self) -> Result<&InputSpec, ApiError> {
        self.engine.config().input.as_ref().ok_or_else(|| no_pictures(&self.engine))
    }

    pub(super) fn pictures_now(&self, pictures: &[Bytes]) -> Result<Vec<DecodedItem>, ApiError> {
        let several = pictures.len() > 1;
        pictures.iter().enumerate().map(|(place, picture)| self.picture(picture, several.then_some(place))).collect()
    }

    /// Decodes one picture; `item` is its position where there are several.
    fn picture(&self, picture: &[u8], item: Option<usize>) -> Result<DecodedItem, ApiError> {
        let spec = self.spec()?;
        self.patience.check().map_err(refused(item))?;
        DecodedItem::from_picture(picture, spec, self.options, &self.patience).map_err(refused(item))
    }
}

/// Pictures out of base64.
pub(super) fn unpacked(texts: &[String]) -> Result<Vec<Bytes>, ApiError> {
    let several = texts.len() > 1;
    let picture = |(place, text): (usize, &String)| {
        decoded(text).map(Bytes::from).map_err(|problem| not_base64(several.then_some(place), &problem))
    };
    texts.iter().enumerate().map(picture).collect()
}

/// How many pixels the picture's header announces; 0 for anything else than a picture, and for more than the `largest` has:
/// both are refused at once, by a sentence that says more.
fn pixels(picture: &[u8], largest: u64) -> u64 {
    let announced = input::announced_size(picture).map(|[width, height]| u64::from(width) * u64::from(height));
    announced.filter(|pixels| *pixels <= largest).unwrap_or(0)
}

/// About how many bytes a picture takes while it is decoded.
fn memory(picture: &[u8], largest: u64) -> usize {
    usize::try_from(pixels(picture, largest)).unwrap_or(usize::MAX).saturating_mul(BYTES_OF_A_PIXEL)
}
