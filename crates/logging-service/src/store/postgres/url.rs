//! Where a server is: the `postgres://` URL.
//!
//! Rule of thumb: the password is for the server alone; whatever is shown is put together without it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::super::StoreError;

/// How long a server may take to answer the call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that answers nothing for so long is gone: after 30 seconds of silence, three calls 10 seconds apart.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// A database on a server, parsed from `postgres://user:password@host:port/name`.
///
/// Several hosts, separated by commas, are tried in turn until one can be written to.
#[derive(Clone)]
pub struct ServerUrl {
    url: String,
    /// Boxed, for it is large and the path of a file is not.
    config: Box<Config>,
}

impl ServerUrl {
    /// How to connect.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }
}

impl FromStr for ServerUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        // The URL holds a password, so an error names what is wrong and quotes nothing.
        let invalid = |problem: &str| StoreError::InvalidUrl(format!("postgres://…: {problem}"));
        let mut config: Config = url.parse().map_err(|error: postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            invalid(cause.as_deref().unwrap_or("it cannot be read"))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(invalid("a host is missing"));
        }
        if config.get_ssl_mode() == SslMode::Require {
            return Err(invalid(
                "sslmode=require is not supported: this program speaks no TLS to PostgreSQL; use a private network \
                 or a tunnel that encrypts",
            ));
        }
        let (idle, interval, retries) = KEEPALIVE;
        config
            .ssl_mode(SslMode::Disable)
            .application_name("glasshouse-logging-service")
            .keepalives(true)
            .keepalives_idle(idle)
            .keepalives_interval(interval)
            .keepalives_retries(retries)
            .tcp_user_timeout(idle + interval * retries)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .notice_callback(|notice| tracing::debug!(message = notice.message(), "database_notice"));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        Ok(Self { url: url.to_owned(), config: Box::new(config) })
    }
}

impl PartialEq for ServerUrl {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl Eq for ServerUrl {}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        for (position, host) in self.config.get_hosts().iter().enumerate() {
            f.write_str(if position == 0 { "" } else { "," })?;
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                Host::Unix(folder) => write!(f, "{}", folder.display())?,
            }
            let ports = self.config.get_ports();
            write!(f, ":{}", ports.get(position).or(ports.first()).copied().unwrap_or(5432))?;
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const SECRET: &str = "s3cr3t";

    #[test]
    fn what_is_shown_holds_no_password() {
        for (url, shown) in [
            ("postgres://ann:s3cr3t@db:5433/log", "postgres://ann@db:5433/log"),
            ("postgresql://ann:s3cr3t@db/log?application_name=s3cr3t", "postgres://ann@db:5432/log"),
            ("postgres://ann:s3cr3t@a:1,b:2/log", "postgres://ann@a:1,b:2/log"),
            ("postgres://ann@%2Frun%2Fpg/log?password=s3cr3t", "postgres://ann@/run/pg:5432/log"),
        ] {
            let parsed: ServerUrl = url.parse().unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert!(!format!("{parsed:?} {parsed:#?}").contains(SECRET), "{parsed:?}");
            assert_eq!(parsed, url.parse().unwrap());
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_being_quoted() {
        for (url, word) in [
            ("postgres://ann:s3cr3t@db/log?sslmode=require", "TLS"),
            ("postgres://ann:s3cr3t@db/log?sslmode=s3cr3t", "sslmode"),
            ("postgres://ann:s3cr3t@db:s3cr3t/log", ""),
            ("postgres://", "host"),
        ] {
            let error = url.parse::<ServerUrl>().unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains(SECRET), "{url}: {error}");
        }
    }
}
