//! What the handlers share.

use std::sync::Arc;

use monitoring::{Access, MemoryRoom};

use crate::config::Config;
use crate::evaluation::Evaluator;
use crate::lake::Lake;
use crate::metrics::commits::LogMetrics;
use crate::metrics::lake::LakeMetrics;
use crate::metrics::upkeep::UpkeepMetrics;
use crate::store::Store;

/// The service's parts. Clones share them.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Arc<Store>,
    pub(crate) commits: Arc<LogMetrics>,
    pub(crate) upkeep: Arc<UpkeepMetrics>,
    pub(crate) evaluator: Arc<Evaluator>,
    /// The memory that clients can make the service hold.
    pub(crate) room: MemoryRoom,
    /// The clients that are let in.
    pub(crate) access: Access,
    /// Where cold rows are, if there is such a place.
    pub(crate) lake: Option<Arc<Lake>>,
    pub(crate) lake_metrics: Arc<LakeMetrics>,
}
