//! How many connections the ports of a service take.

use std::num::NonZeroU32;
use std::sync::Arc;

use clap::Args;

use super::address::AddressRange;
use super::book::ConnectionPlaces;
use super::crowd::request_places;
use super::metrics::{ConnectionMetrics, PortMetrics};
use super::open_files::{fitting, raised_limit};
use crate::metrics::{MetricsError, MetricsRegistry};

/// Places for probes of each port, where there are enough files for them.
const RESERVED: usize = 128;
/// Connections of each port that may have yet to end, after they gave their places to others, where there are enough files.
const LEAVING: usize = 256;

/// How many connections the ports of a service take.
#[derive(Args, Clone, Debug)]
pub struct ConnectionOptions {
    /// Most connections of each port at a time; lowered, with a warning, where the limit of open files leaves room for fewer.
    #[arg(long, env = "MAX_CONNECTIONS", value_name = "NUMBER", default_value = "4096")]
    pub max_connections: NonZeroU32,

    /// Most connections of one client, an IPv4 address or an IPv6 /64; left out: half of --max-connections.
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER")]
    pub max_connections_per_address: Option<NonZeroU32>,

    /// Addresses of proxies and load balancers, with commas between them, such as 10.0.0.7,192.168.0.0/16: each stands for
    /// many clients, and may have all connections.
    #[arg(long, env = "PROXY_ADDRESSES", value_delimiter = ',', value_name = "ADDRESSES")]
    pub proxy_addresses: Vec<AddressRange>,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            max_connections: NonZeroU32::MIN.saturating_add(4095),
            max_connections_per_address: None,
            proxy_addresses: Vec::new(),
        }
    }
}

/// What the ports of a service have in common: how many connections each takes, and where they are counted. Clones share it.
#[derive(Clone, Default)]
pub struct Doors {
    options: ConnectionOptions,
    /// The ports that share the limit of open files.
    ports: usize,
    metrics: Option<Arc<ConnectionMetrics>>,
}

impl Doors {
    /// For a service with so many `ports`; raises the limit of open files.
    ///
    /// # Errors
    /// If `registry` has the metrics already.
    pub fn new(options: &ConnectionOptions, ports: usize, registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        raised_limit();
        let metrics = Some(Arc::new(ConnectionMetrics::register(registry)?));
        Ok(Self { options: options.clone(), ports, metrics })
    }

    /// The places of one port, and its metrics.
    pub(super) fn port(&self, name: &str) -> (ConnectionPlaces, PortMetrics) {
        let ConnectionOptions { max_connections, max_connections_per_address, proxy_addresses } = &self.options;
        let wanted = max_connections.get() as usize;
        let files = fitting(wanted + RESERVED + LEAVING, self.ports);
        // With hardly any files, one in four places is for probes, and one for those that leave.
        let reserved = RESERVED.min(files.div_ceil(4));
        let leaving = LEAVING.min(files.div_ceil(4));
        let all = files.saturating_sub(reserved + leaving).clamp(1, wanted);
        let of_one_address = max_connections_per_address.map_or(all.div_ceil(2), |most| most.get() as usize);
        let places = ConnectionPlaces {
            all,
            of_one_address: of_one_address.min(all),
            reserved: reserved.max(1),
            leaving: leaving.max(1),
            requests: request_places(),
            proxies: proxy_addresses.clone(),
        };
        (places, PortMetrics::new(self.metrics.as_ref(), name, all))
    }
}
