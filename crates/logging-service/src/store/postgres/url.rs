//! Where a server is: the `postgres://` URL.
//!
//! Rule of thumb: only the server gets the password; what is shown is composed without it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::super::error::StoreError;
use super::host::ServerHost;
use super::tls::ServerTrust;

/// How long a server may take to accept a connection, the first answer included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The silence after which a server is asked whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// A server that leaves so many questions unanswered is gone.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may remain unacknowledged by the server's kernel.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

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
    /// The number of the host that was connected to last, for all copies of this.
    preferred: Arc<AtomicUsize>,
}

impl ServerUrl {
    /// The servers in the order in which they are tried: first the one that was connected to last.
    pub(super) fn hosts(&self) -> Vec<ServerHost> {
        let number_of_hosts = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        let first = self.preferred.load(Ordering::Relaxed);
        (0..number_of_hosts).map(|position| self.host((first + position) % number_of_hosts)).collect()
    }

    /// Notes that a server can be written, so that it is tried first from now on.
    pub(super) fn prefer(&self, host: &ServerHost) {
        self.preferred.store(host.number, Ordering::Relaxed);
    }

    fn host(&self, number: usize) -> ServerHost {
        let of = &self.config;
        let mut config = Config::new();
        config
            .ssl_mode(of.get_ssl_mode())
            .application_name("glasshouse-logging-service")
            .channel_binding(of.get_channel_binding())
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        of.get_user().map(|user| config.user(user));
        of.get_password().map(|password| config.password(password));
        of.get_dbname().map(|name| config.dbname(name));
        of.get_options().map(|options| config.options(options));
        match of.get_hosts().get(number) {
            Some(Host::Tcp(name)) => _ = config.host(name),
            Some(Host::Unix(folder)) => _ = config.host_path(folder),
            None => {}
        }
        of.get_hostaddrs().get(number).map(|address| config.hostaddr(*address));
        of.get_ports().get(number).or(of.get_ports().first()).map(|port| config.port(*port));
        let patience = of.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        ServerHost { number, config, trust: self.trust.clone(), patience }
    }
}

impl FromStr for ServerUrl {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        // The URL holds a password, so an error names what is wrong and quotes nothing.
        let invalid = |problem: &str| StoreError::InvalidUrl(format!("postgres://…: {problem}"));
        let UrlParts { rest, trust } = UrlParts::of(url).map_err(invalid)?;
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            invalid(cause.as_deref().unwrap_or("it cannot be read"))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(invalid("a host is missing"));
        }
        config.ssl_mode(if trust.is_some() { SslMode::Require } else { SslMode::Disable });
        let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
        if hosts > 0 && addresses > 0 && hosts != addresses {
            return Err(invalid("hostaddr: expected one for each host"));
        }
        Ok(Self { url: url.to_owned(), config: Box::new(config), trust, preferred: Arc::default() })
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
        let trust = |parameters: &str| format!("postgres://ann@db/log{parameters}").parse::<ServerUrl>().unwrap().trust;
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
