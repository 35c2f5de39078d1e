//! The metrics of the service that belong to no single handler.
//!
//! Rule of thumb: each has a named method for what happens, and knows nothing of the one who calls it.

pub(crate) mod commits;
pub(crate) mod lake;
pub(crate) mod server;
pub(crate) mod upkeep;
