//! What attackers do. Each strikes once and is done within some seconds; what it draws by chance comes from a seed.

pub(crate) mod bombs;
pub(crate) mod cancelled_calls;
pub(crate) mod connection_floods;
pub(crate) mod deep_json;
pub(crate) mod half_heads;
pub(crate) mod heavy_questions;
pub(crate) mod huge_heads;
pub(crate) mod huge_tensors;
pub(crate) mod idle_announcements;
pub(crate) mod junk_names;
pub(crate) mod label_revisions;
pub(crate) mod large_pictures;
pub(crate) mod many_items;
pub(crate) mod resets;
pub(crate) mod slow_bodies;
pub(crate) mod unfinished_messages;
pub(crate) mod unread_answers;
pub(crate) mod unread_exports;
pub(crate) mod waiting_calls;
pub(crate) mod waiting_events;
