//! Where the servers of a test are, for the shipped configuration that knows them by name.

use std::net::SocketAddr;

use crate::Configuration;

/// What the shipped `prometheus.yml` has names for and cannot run here.
const LEFT_OUT: [&str; 4] = ["grafana:3000", "loki:3100", "alloy:12345", "node-exporter:9100"];

/// The addresses of what runs.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// The inference service.
    pub inference: SocketAddr,
    /// The logging service.
    pub logging: SocketAddr,
    /// Prometheus itself.
    pub prometheus: SocketAddr,
    /// Alertmanager; without one, no alert is sent anywhere.
    pub alertmanager: Option<SocketAddr>,
}

impl Targets {
    /// Puts the addresses into the copied `prometheus.yml`. Jobs of what does not run stay, without a target.
    ///
    /// # Panics
    /// If the file does not name one of them.
    pub fn write_into(self, configuration: &Configuration) {
        let put = |name: &str, address: Option<SocketAddr>| {
            let address = address.map_or(String::new(), |address| format!("'{address}'"));
            configuration.replace("prometheus.yml", &format!("targets: ['{name}']"), &format!("targets: [{address}]"));
        };
        put("inference-service:8000", Some(self.inference));
        put("logging-service:8001", Some(self.logging));
        put("prometheus:9090", Some(self.prometheus));
        put("alertmanager:9093", self.alertmanager);
        for name in LEFT_OUT {
            put(name, None);
        }
    }
}
