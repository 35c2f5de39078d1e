//! Plots as SVG, which a page contains.
//!
//! Rule of thumb: one message a plot. Its caption says the message in words, for readers who do not see the plot. Colours are
//! fixed ones here, and the style sheet replaces each by that of the reader's theme.

mod bins;
mod canvas;
mod reliability;
mod share;
mod spark;
mod timeline;

pub use bins::{BinPlot, PlotBin};
pub use reliability::{CalibrationPoint, calibration_plot};
pub use share::{Part, bar, parts};
pub use spark::spark;
pub use timeline::{TimePlot, TimePoint};
