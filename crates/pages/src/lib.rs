//! What the pages of both services are made of: their frame, their looks, numbers as text, and plots.
//!
//! Rule of thumb: a page says what the API says, from the same answer. Nothing here counts or judges.
//!
//! **Architecture Invariant:** a page loads nothing from elsewhere, and executes no script that stands in it. The policy that
//! a browser is given says so, and what came from outside is escaped wherever it is written.

mod accept;
mod files;
mod frame;
mod links;
mod numbers;
pub mod plots;
mod whole_file;

pub use accept::prefers_page;
pub use files::{PAGE_FILES, page_file};
pub use frame::{Frame, Place, redirect};
pub use links::Query;
pub use numbers::{at, bytes, count, decimals, minute, percent, seconds, short};
pub use whole_file::whole_file;
