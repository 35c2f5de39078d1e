//! The memory that clients can make a service hold, counted against one bound.
//!
//! Bodies, messages, what is made of them, answers and exports each have a [`Hold`], which grows by the bytes that are
//! really there and gives them back when it is dropped. Nothing is reserved for bytes that are only announced.
//!
//! Rule of thumb: whoever finds the room full waits shortly and is then refused. A client that is slow with what it
//! already holds makes way first, so that nobody is kept out by bodies that never end or answers that nobody reads.

mod answers;
mod client_time;
mod hold;
mod kind;
mod limit;
mod metrics;
mod moving;
mod options;
mod parts;
mod room;
mod units;

pub use answers::{ConnectionEnd, pieces};
pub use client_time::ServiceTime;
pub use hold::Hold;
pub use kind::HeldKind;
pub use limit::{MemoryLimit, memory_limit};
pub use options::{memory_room, room_bytes};
pub use room::MemoryRoom;

#[cfg(test)]
mod tests;
