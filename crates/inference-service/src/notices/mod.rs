//! What the logging service is told about the models, once after they are loaded: the reference profile of each that ships
//! one, and what its model.toml declares.
//!
//! Rule of thumb: a notice replaces the former one of its kind, so it is sent again after every load, and nothing waits for
//! it.

mod declaration;
mod delivery;
mod profile;

pub(crate) use delivery::{ModelNotices, NoticeError};
