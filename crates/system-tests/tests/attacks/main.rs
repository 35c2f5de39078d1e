//! Clients that try to take all memory of a service, which has as much as its container is shipped with.
//!
//! Rule of thumb: each file is a kind of attack with its variants. While it goes on, honest clients from the same address
//! keep their answers; afterwards the service lives, and its memory is back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod attackers;
mod besieged;
mod bodies;
mod calls;
mod dribbles;
mod json;
mod messages;
mod names;
