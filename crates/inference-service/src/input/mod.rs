//! From what a client sends to a tensor that a model takes.
//!
//! Rule of thumb: size, type and content of what comes from outside are checked, and a refusal comes before memory is taken.
//! Code that has a [`ModelInput`] need not check again.

mod announced_size;
mod elements;
mod error;
mod format;
mod image;
mod item_shape;
mod jpeg;
mod list_shape;
mod model_input;
mod named;
mod numbers;
mod patience;
mod pixels;
mod summary;

pub(crate) use self::announced_size::announced_size;
pub use self::elements::MissingValues;
pub(crate) use self::elements::{JsonElements, UnreadElements, read_elements};
pub use self::error::InputError;
pub use self::format::PictureFormat;
pub use self::image::{DecodedImage, ImageHeader, ImageLimits, decode, decode_patiently, read_header};
pub use self::item_shape::ItemShape;
pub use self::model_input::ModelInput;
pub(crate) use self::named::{SentInputs, SentOptional, in_order, whole_shape};
pub(crate) use self::numbers::JsonTensorsSchema;
pub use self::numbers::NumberArray;
pub use self::patience::{DecodePatience, DecodeWaiter};
pub use self::summary::summarise;
