//! From what a client sends to a tensor that a model takes.
//!
//! Rule of thumb: nothing from outside is trusted for its size, its type or its content, and everything is refused
//! before it costs memory. Behind a [`ModelInput`] no code asks again.

mod error;
mod format;
mod image;
mod item_shape;
mod jpeg_end;
mod jpeg_size;
mod model_input;
mod numbers;
mod summary;

pub use self::error::InputError;
pub use self::format::Format;
pub use self::image::{Header, ImageLimits, decode, decode_with_header, read_header};
pub use self::item_shape::ItemShape;
pub(crate) use self::jpeg_size::jpeg_size;
pub use self::model_input::ModelInput;
pub use self::numbers::Numbers;
pub use self::summary::summarise;
