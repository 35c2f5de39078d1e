//! What a command says to the person who started it, and how that person stops it.

mod console;
mod stop_request;

pub use console::{say, warn};
pub use stop_request::StopRequest;
