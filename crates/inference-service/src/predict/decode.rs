//! From the bytes and numbers of a request to the inputs of a model.
//!
//! Rule of thumb: what takes long is done in turns, by so many threads and no more, and stops when nobody waits for it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use monitoring::{ApiError, ErrorCode};

use super::decoded_item::{DecodeOptions, DecodedItem, no_pictures, refused};
use super::pictures::{DecodeWork, unpacked};
use crate::app::App;
use crate::input::{DecodePatience, ModelInput, NumberArray};
use crate::model::{Engine, OptionalTensor, Tensor};
use crate::rows::FeatureRows;
use crate::serving::DecodeSize;

/// Numbers and rows beyond these take more than a millisecond to turn into inputs.
const SMALL_ELEMENTS: usize = 64 * 1024;
const SMALL_ROWS: usize = 64;

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

    /// Decodes every item. What takes long is done by threads that may block, in turns with other requests; it ends soon
    /// after the deadline, and after its future is dropped.
    ///
    /// # Errors
    /// `invalid_input`, `too_large`, `deadline_exceeded`, or `invalid_request` for bad base64.
    pub(super) async fn decode(
        self,
        engine: &Arc<Engine>,
        app: &App,
        deadline: Instant,
    ) -> Result<Vec<DecodedItem>, ApiError> {
        let patience = DecodePatience::until(deadline);
        let _waiter = patience.waiter();
        let (payload, optional) = self.apart();
        let options = DecodeOptions { is_logged: app.outbox.keeps_records(), limits: app.config.image_limits() };
        let work = DecodeWork { engine: engine.clone(), options, patience: patience.clone() };
        let items = match payload {
            Self::Base64(texts) => {
                work.spec()?;
                let length = texts.iter().map(String::len).sum();
                let pictures = app.decoders.by_size(length, || unpacked(&texts)).await??;
                work.pictures(pictures, &app.decoders).await?
            }
            Self::Images(pictures) => work.pictures(pictures, &app.decoders).await?,
            payload if payload.is_small() => payload.decode_now(&work)?,
            payload => app.decoders.turn(DecodeSize::Middle, 0, &patience, move || payload.decode_now(&work)).await?,
        };
        if optional.is_empty() {
            return Ok(items);
        }
        let optional: Arc<[OptionalTensor]> = optional.into();
        let with = |item: DecodedItem| DecodedItem { input: item.input.with_optional(optional.clone()), ..item };
        Ok(items.into_iter().map(with).collect())
    }

    /// The payload itself, and the values for optional inputs.
    fn apart(self) -> (Self, Vec<OptionalTensor>) {
        match self {
            Self::WithOptional { payload, optional } => (*payload, optional),
            payload => (payload, Vec::new()),
        }
    }

    fn decode_now(self, work: &DecodeWork) -> Result<Vec<DecodedItem>, ApiError> {
        let DecodeWork { engine, options, .. } = work;
        let spec = engine.config().input.as_ref();
        let is_logged = options.is_logged;
        match self {
            Self::WithOptional { payload, .. } => payload.decode_now(work),
            Self::Images(pictures) => work.pictures_now(&pictures),
            Self::Base64(texts) => work.pictures_now(&unpacked(&texts)?),
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

    /// Whether it is decoded within about a millisecond.
    fn is_small(&self) -> bool {
        match self {
            // Their pixels decide.
            Self::Images(_) | Self::Base64(_) => false,
            Self::Tensor(numbers) | Self::Tensors(numbers) => numbers.values.len() <= SMALL_ELEMENTS,
            Self::Typed(tensors) => tensors.iter().map(|one| one.values().len()).sum::<usize>() <= SMALL_ELEMENTS,
            Self::Rows(rows) => rows.len() <= SMALL_ROWS,
            Self::WithOptional { payload, .. } => payload.is_small(),
        }
    }
}
