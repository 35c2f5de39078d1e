//! The routes that take data: `POST /log`, `/feedback` and `/cloudevents`, each acknowledged once it is on the disk.
//!
//! Rule of thumb: either everything in a request is valid, or nothing of it is stored.

pub(crate) mod body;
pub(crate) mod events;
pub(crate) mod feedback;
mod items;
pub(crate) mod log;
mod plain_words;

pub(crate) use items::BodyItem;
