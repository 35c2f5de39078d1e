//! Finds damage in SQLite's write-ahead log, and mends what can be mended.
//!
//! SQLite reads the log up to the first frame whose checksum is wrong, and silently leaves out the rest. At the end of the
//! log that is right: a crash leaves a torn frame there. Frames of commits behind it mean that something was damaged that
//! was safe. The format is documented at <https://www.sqlite.org/walformat.html>.
//!
//! Rule of thumb: a bit that flipped is restored where the checksum says which one it was. What cannot be restored is lost,
//! and told.

mod checksum;
mod frame;
mod header;
mod index;
mod mended;
mod survey;

pub use mended::FrameChoice;
pub use survey::{LogState, LogSurvey};
