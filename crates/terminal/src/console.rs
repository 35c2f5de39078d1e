//! What a command says to the person who started it.
//!
//! Rule of thumb: a reader that leaves early (`cargo xtask up | head`) must not end a command half-way, with
//! services left behind. So a line that cannot be written is dropped, where `println!` would panic.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes one line, or several with line breaks inside, to stdout.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes one line to stderr: something is not as it should be.
pub fn warn(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
