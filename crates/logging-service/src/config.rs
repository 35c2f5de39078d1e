//! What can be set: one struct, each field a flag and an environment variable.

use std::net::SocketAddr;

use clap::Parser;

use crate::store::DatabaseUrl;

/// Stores predictions durably, and answers questions about them.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Address and port to listen on.
    #[arg(long, env = "LOGGING_LISTEN", default_value = "127.0.0.1:8001")]
    pub listen: SocketAddr,

    /// The database: sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "sqlite:data/predictions.db")]
    pub database: DatabaseUrl,

    /// Records that may wait to be written; more are refused as overloaded. Also the most records of one request.
    #[arg(long, env = "LOGGING_QUEUE_LIMIT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub queue_limit: u32,

    /// Most bytes of a request's body.
    #[arg(long, env = "LOGGING_MAX_BODY_BYTES", default_value_t = 16 * 1024 * 1024)]
    pub max_body_bytes: usize,

    /// Seconds between turning unready and closing the port when told to stop.
    #[arg(long, env = "LOGGING_DRAIN_SECONDS", default_value_t = 1.0, value_parser = monitoring::drain_seconds)]
    pub drain_seconds: f64,

    /// Ask the service that listens on --listen whether it is ready, and exit with 0 or 1.
    #[arg(long)]
    pub health_check: bool,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_local() {
        let config = Config::try_parse_from(["logging-service"]).unwrap();
        assert!(config.listen.ip().is_loopback());
    }

    #[test]
    fn other_databases_are_refused() {
        assert!(Config::try_parse_from(["logging-service", "--database", "mysql://localhost"]).is_err());
    }
}
