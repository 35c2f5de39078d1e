//! Where a server is: the `postgres://` URL.
//!
//! Rule of thumb: only the server gets the password; what is shown is composed without it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::super::error::StoreError;
use super::tls::ServerTrust;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The silence after which a server is asked whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// The time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// A server that leaves so many questions unanswered is gone.
const KEEPALIVE_RETRIES: u32 = 3;

/// A database on a server, parsed from `postgres://user:password@host:port/name`.
///
/// Several hosts, separated by commas, are tried in turn until one can be written to. With `sslmode=require` the
/// connection is encrypted, and the server's certificate verified against `sslrootcert=FILE` or else the system's.
#[derive(Clone)]
pub struct ServerUrl {
    url: String,
    /// Boxed, because it is large and the path of a file is not.
    config: Box<Config>,
    trust: Option<ServerTrust>,
}

impl ServerUrl {
    /// How to connect.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The certificates that may vouch for the server; `None` where the connection is not encrypted.
    pub(super) fn trust(&self) -> Option<&ServerTrust> {
        self.trust.as_ref()
    }
}

impl FromStr for ServerUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        // The URL holds a password, so an error names what is wrong and quotes nothing.
        let invalid = |problem: &str| StoreError::InvalidUrl(format!("postgres://…: {problem}"));
        let UrlParts { rest, trust } = UrlParts::of(url).map_err(invalid)?;
        let mut config: Config = rest.parse().map_err(|error: postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            invalid(cause.as_deref().unwrap_or("it cannot be read"))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(invalid("a host is missing"));
        }
        config
            .ssl_mode(if trust.is_some() { SslMode::Require } else { SslMode::Disable })
            .application_name("glasshouse-logging-service")
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_RETRIES)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .notice_callback(|notice| tracing::debug!(message = notice.message(), "database_notice"));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        Ok(Self { url: url.to_owned(), config: Box::new(config), trust })
    }
}

/// A URL whose parameters of encryption were taken out: the client library knows fewer of them than PostgreSQL's own.
struct UrlParts {
    rest: String,
    trust: Option<ServerTrust>,
}

impl UrlParts {
    /// Takes a URL apart; an error says what is wrong with its parameters.
    fn of(url: &str) -> Result<Self, &'static str> {
        let Some((place, parameters)) = url.split_once('?') else {
            return Ok(Self { rest: url.to_owned(), trust: None });
        };
        let mut others = Vec::new();
        let mut is_encrypted = false;
        let mut file = None;
        for parameter in parameters.split('&') {
            match parameter.split_once('=') {
                // "prefer" would go on unencrypted wherever somebody in between wants it to, so it asks for nothing.
                Some(("sslmode", "disable" | "allow" | "prefer")) => {}
                Some(("sslmode", "require" | "verify-ca" | "verify-full")) => is_encrypted = true,
                Some(("sslmode", _)) => return Err("sslmode: expected disable, require or verify-full"),
                Some(("sslrootcert", path)) => file = Some(PathBuf::from(path.replace("%2F", "/"))),
                _ => others.push(parameter),
            }
        }
        if file.is_some() && !is_encrypted {
            return Err("sslrootcert has no use without sslmode=require");
        }
        let trust = is_encrypted.then(|| file.map_or(ServerTrust::System, ServerTrust::File));
        Ok(Self { rest: format!("{place}?{}", others.join("&")), trust })
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
    fn encryption_is_asked_for_and_then_verified() {
        let trust = |parameters: &str| {
            format!("postgres://ann@db/log{parameters}").parse::<ServerUrl>().unwrap().trust().cloned()
        };
        assert_eq!(trust(""), None);
        assert_eq!(trust("?sslmode=prefer&connect_timeout=3"), None);
        assert_eq!(trust("?sslmode=require"), Some(ServerTrust::System));
        assert_eq!(
            trust("?connect_timeout=3&sslmode=verify-full&sslrootcert=/etc/ca.pem"),
            Some(ServerTrust::File(PathBuf::from("/etc/ca.pem")))
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_being_quoted() {
        for (url, word) in [
            ("postgres://ann:s3cr3t@db/log?sslrootcert=ca.pem", "sslrootcert"),
            ("postgres://ann:s3cr3t@db/log?sslmode=s3cr3t", "sslmode"),
            ("postgres://ann:s3cr3t@db:s3cr3t/log", ""),
            ("postgres://", "host"),
        ] {
            let error = url.parse::<ServerUrl>().unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains(SECRET), "{url}: {error}");
        }
    }
}
