//! The configuration: one struct, in which each field is a flag and an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use monitoring::{AllowedOrigin, ConnectionOptions, SecurityOptions};

use crate::erase_command::EraseOptions;
use crate::lake::{LakeCommand, LakeOptions, LakeUrl};
use crate::past::{ImportOptions, ProfileOptions};
use crate::report_options::ReportOptions;
use crate::store::{DatabaseUrl, StoreError};

/// Stores predictions durably, and answers questions about them.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Address and port to listen on.
    #[arg(long, env = "LOGGING_LISTEN", default_value = "127.0.0.1:8001")]
    pub listen: SocketAddr,

    /// The database: sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "sqlite:data/predictions.db")]
    database: DatabaseUrl,

    /// A file that holds the database's URL, instead of --database; for a URL with a password.
    #[arg(long = "database-file", env = "DATABASE_URL_FILE", value_name = "FILE", value_parser = read_url_file)]
    database_in_file: Option<DatabaseUrl>,

    /// Records that may wait to be written; more wait shortly, and are refused as overloaded. Also the most records of one request.
    #[arg(long, env = "LOGGING_QUEUE_LIMIT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub queue_limit: u32,

    /// Most bytes of a request's body.
    #[arg(long, env = "LOGGING_MAX_BODY_BYTES", default_value_t = 16 * 1024 * 1024)]
    pub max_body_bytes: usize,

    /// Bytes that clients can make the service hold: bodies, messages, what is made of them, exports and answers that are
    /// not read; who finds no room is refused as overloaded. Left out: half of the container's memory, or a quarter of the
    /// machine's.
    #[arg(long, env = "LOGGING_MEMORY_ROOM", value_parser = monitoring::memory_room)]
    pub memory_room: Option<u64>,

    /// Seconds between turning unready and closing the port when told to stop.
    #[arg(long, env = "LOGGING_DRAIN_SECONDS", default_value_t = 1.0, value_parser = monitoring::drain_seconds)]
    pub drain_seconds: f64,

    /// Days that predictions are kept; left out: for ever.
    #[arg(long, env = "LOGGING_RETENTION_DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub retention_days: Option<u32>,

    /// Bytes that the database's content may take before the oldest predictions are deleted; free space and the write-ahead
    /// log (up to 64 MiB) come on top. Left out: no limit.
    #[arg(long, env = "LOGGING_RETENTION_BYTES", value_parser = clap::value_parser!(u64).range(1_000_000..))]
    pub retention_bytes: Option<u64>,

    /// Where the predictions of closed days go as Parquet files, before retention deletes them: file:///FOLDER,
    /// s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX. Left out: nowhere.
    #[arg(long, env = "LOGGING_LAKE", value_name = "URL")]
    pub lake: Option<LakeUrl>,

    /// A file with lines such as AWS_SECRET_ACCESS_KEY=…, for a lake's settings that are not in the environment.
    #[arg(long, env = "LOGGING_LAKE_SETTINGS_FILE", value_name = "FILE")]
    pub lake_settings_file: Option<PathBuf>,

    /// Days after its end before a day goes to the lake; what comes later for that day makes files of its own.
    #[arg(long, env = "LOGGING_LAKE_AFTER_DAYS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=36_500))]
    pub lake_after_days: u32,

    /// Folder for scheduled backups; left out: none are made.
    #[arg(long, env = "LOGGING_BACKUP_DIR")]
    pub backup_dir: Option<PathBuf>,

    /// Hours between two backups.
    #[arg(long, env = "LOGGING_BACKUP_HOURS", default_value_t = 24.0, value_parser = parse_positive)]
    pub backup_hours: f64,

    /// Backups that are kept; older ones are deleted.
    #[arg(long, env = "LOGGING_BACKUP_KEEP", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub backup_keep: u32,

    /// Seconds between two looks at the windows: drift, accuracy, waiting labels, retention.
    #[arg(long, env = "LOGGING_EVALUATE_SECONDS", default_value_t = 30.0, value_parser = parse_positive)]
    pub evaluate_seconds: f64,

    /// Hours between two trials of the detector of drift: known drifts in a copy of the last day's counts, which it has to
    /// see.
    #[arg(long, env = "LOGGING_DETECTOR_HOURS", default_value_t = 1.0, value_parser = parse_positive)]
    pub detector_hours: f64,

    /// Seconds that a CloudEvent waits for its counterpart.
    #[arg(long, env = "LOGGING_EVENT_WAIT_SECONDS", default_value_t = 60.0, value_parser = parse_positive)]
    pub event_wait_seconds: f64,

    /// Origins whose pages may ask from a browser, with commas between them, or * for all; left out: no page of another
    /// origin.
    #[arg(long, env = "LOGGING_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Vec<AllowedOrigin>,

    /// Names under which people open the pages in a browser, with commas between them; left out: addresses, and names without a
    /// dot such as localhost. A browser may write for no page that has another name.
    #[arg(long, env = "LOGGING_PAGE_HOSTS", value_delimiter = ',', value_name = "NAMES", value_parser = host_name)]
    pub page_hosts: Vec<String>,

    /// Where people find Grafana, such as http://localhost:3000: the pages lead to its dashboards. Left out: they do not.
    #[arg(long, env = "GRAFANA_URL", value_name = "URL", value_parser = web_address)]
    pub grafana_url: Option<String>,

    /// The clients that are let in, and the encryption of their connections.
    #[command(flatten)]
    pub security: SecurityOptions,

    /// How many connections the port takes.
    #[command(flatten)]
    pub connections: ConnectionOptions,

    /// Ask the service that listens on --listen whether it is ready, and exit with 0 or 1.
    #[arg(long)]
    pub health_check: bool,

    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<DatabaseCommand>,
}

impl Config {
    /// The database, from the file if one is given.
    #[must_use]
    pub fn database(&self) -> &DatabaseUrl {
        self.database_in_file.as_ref().unwrap_or(&self.database)
    }

    /// How the lake is kept, by a program that others tell from its neighbours by `name`.
    pub(crate) fn lake_options(&self, name: &str) -> LakeOptions {
        LakeOptions::new(self.lake_after_days, Duration::from_secs_f64(self.evaluate_seconds), name)
    }
}

/// A command that is run instead of the service; the service may be running at the same time.
#[derive(Clone, Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Copy the database into a file, and verify the copy by opening it.
    Backup {
        /// The file; it must not exist.
        to: PathBuf,
    },
    /// Check that the database is sound, and that the counts of windows equal the rows.
    Check,
    /// Make a reference profile of training data, of scored data or of a range of the log.
    Profile(Box<ProfileOptions>),
    /// Bring predictions and labels out of files into the log, each of them once.
    Import(Box<ImportOptions>),
    /// Erase what belongs to a request or a tag: predictions and labels, in the database and in the lake. Counts stay.
    Erase(EraseOptions),
    /// Write a report of a model as one HTML file: what came in, quality and drift of a range.
    Report(ReportOptions),
    /// Look after the lake: say what is in it, verify it, write it now.
    #[command(subcommand)]
    Lake(LakeCommand),
}

/// Reads the URL in a file. The message about a problem does not quote the URL, which may hold a password.
fn read_url_file(path: &str) -> Result<DatabaseUrl, String> {
    let url = std::fs::read_to_string(path).map_err(|problem| format!("it cannot be read: {problem}"))?;
    let url = url.trim();
    if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err("expected sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME in it".to_owned());
    }
    url.parse().map_err(|problem: StoreError| problem.to_string())
}

/// A name without a scheme, a port or a wildcard, as a browser's address begins.
fn host_name(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_host = !text.is_empty() && text.bytes().all(is_name);
    if is_host {
        Ok(text.to_owned())
    } else {
        Err("expected a name such as logs.example.org, without scheme and port".to_owned())
    }
}

/// An address that a browser can open.
fn web_address(text: &str) -> Result<String, String> {
    let problem = || "expected http://HOST or https://HOST, and perhaps a port and a path".to_owned();
    let address: axum::http::Uri = text.parse().map_err(|_| problem())?;
    let is_web = matches!(address.scheme_str(), Some("http" | "https")) && address.query().is_none();
    if is_web { Ok(text.to_owned()) } else { Err(problem()) }
}

/// Parses a number above 0.
fn parse_positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("expected a number above 0".to_owned()) }
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
    fn a_database_in_a_file_comes_first_and_its_password_is_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let parse = |content: &str| {
            std::fs::write(path, content).unwrap();
            Config::try_parse_from(["logging-service", "--database", "sqlite:a.db", "--database-file", path])
        };
        let config = parse("postgres://log:s3cr3t@host:5432/log\n").unwrap();
        assert_eq!(config.database().to_string(), "postgres://log@host:5432/log");
        for broken in ["", "mysql://log:s3cr3t@host/log", "postgres://log:s3cr3t@host:port/log"] {
            let problem = parse(broken).unwrap_err().to_string();
            assert!(problem.contains("database-file") && !problem.contains("s3cr3t"), "{problem}");
        }
    }

    #[test]
    fn other_databases_are_refused() {
        assert!(Config::try_parse_from(["logging-service", "--database", "mysql://localhost"]).is_err());
    }
}
