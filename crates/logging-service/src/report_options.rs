//! What `report` is asked for.

use std::path::PathBuf;

use clap::Args;

/// Which model and which range.
#[derive(Args, Clone, Debug)]
pub struct ReportOptions {
    /// Name of the model.
    #[arg(long)]
    pub(crate) model: String,

    /// A window that ends now: 1h, 24h or 7d; 24h if no range is given.
    #[arg(long, conflicts_with_all = ["since", "until"])]
    pub(crate) window: Option<String>,

    /// The beginning of the range, such as 2026-03-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// The end of the range; not part of it.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// The file; left out: standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}
