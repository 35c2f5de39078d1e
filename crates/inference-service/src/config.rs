//! The settings: one struct, in which each field is a flag and an environment variable.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Parser, Subcommand};
use monitoring::{AllowedOrigin, ConnectionOptions, SecurityOptions};

use crate::check::CheckOptions;
use crate::input::ImageLimits;
pub use crate::log_service::{LogServiceOptions, LogUrl};
pub use crate::metrics_options::MetricsOptions;
pub use crate::model::EngineChoice;
use crate::model::RepositoryFolder;
pub use crate::outbox::{Durability, RecordOptions, WhenFull};
use crate::rows::RowLimits;

/// What the program is asked to do.
#[derive(Clone, Debug, Parser)]
#[command(version, about = "Serves ONNX models over HTTP and gRPC, and records every prediction")]
pub struct CommandLine {
    /// Something else than to serve.
    #[command(subcommand)]
    pub command: Option<OtherCommand>,

    /// The settings with which it serves.
    #[command(flatten)]
    pub config: Config,
}

/// What the program can do beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum OtherCommand {
    /// Says what the service would make of models, without serving them
    Check(CheckOptions),
}

/// Serves ONNX models over HTTP and gRPC, and records every prediction.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Address and port to listen on.
    #[arg(long, env = "INFERENCE_LISTEN", default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,

    /// Address and port for gRPC; empty: gRPC is off.
    #[arg(long, env = "INFERENCE_GRPC_LISTEN", default_value = "127.0.0.1:8002", value_parser = grpc_address)]
    pub grpc_listen: OptionalAddress,

    /// Address and port for administrators, who load and unload models there; empty: there is none.
    #[arg(long, env = "INFERENCE_ADMIN_LISTEN", default_value = "", value_parser = admin_address)]
    pub admin_listen: OptionalAddress,

    /// Folder with the models: `<name>/model.toml` and `<name>/<version>/model.onnx`.
    #[arg(long, env = "MODEL_REPOSITORY", default_value = "deploy/models")]
    pub models: PathBuf,

    /// The folder is that of one model, which has this name; left out or empty, it has a folder for each model.
    #[arg(long, env = "MODEL_NAME")]
    pub model_name: Option<String>,

    /// Seconds between two looks at the models' folder; what has changed is loaded and takes the place of what serves.
    /// 0: never.
    #[arg(long, env = "MODEL_POLL_SECONDS", default_value_t = 10.0, value_parser = poll_seconds)]
    pub model_poll_seconds: f64,

    /// What runs the models whose model.toml does not say it. auto: ONNX Runtime where its library is found and takes the
    /// model, else tract. An engine that is named never gives way to the other.
    #[arg(long, env = "INFERENCE_ENGINE", default_value = "auto")]
    pub engine: EngineChoice,

    /// ONNX Runtime's library; left out, it is looked for beside this program, in ../lib from there, and where the system
    /// has libonnxruntime.so.
    #[arg(long, env = "ORT_DYLIB_PATH")]
    pub onnxruntime_library: Option<PathBuf>,

    /// How the logging service is reached.
    #[command(flatten)]
    pub log: LogServiceOptions,

    /// How records are kept until they are delivered.
    #[command(flatten)]
    pub records: RecordOptions,

    /// Inference threads; by default one for each core.
    #[arg(long, env = "INFERENCE_THREADS")]
    pub threads: Option<NonZeroUsize>,

    /// Items that may wait for an inference thread; more are refused as overloaded.
    #[arg(long, env = "INFERENCE_QUEUE_LIMIT", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub queue_limit: u32,

    /// Most bytes of a request's body.
    #[arg(long, env = "INFERENCE_MAX_BODY_BYTES", default_value_t = 16 * 1024 * 1024)]
    pub max_body_bytes: usize,

    /// Bytes that clients can make the service hold: bodies, messages, what is made of them, and answers that are not
    /// read; who finds no room is refused as overloaded. Left out: half of the container's memory, or a quarter of the
    /// machine's.
    #[arg(long, env = "INFERENCE_MEMORY_ROOM", value_parser = monitoring::memory_room)]
    pub memory_room: Option<u64>,

    /// Most pixels of a picture. While it is decoded it may take 12 bytes for each, once for every two inference threads.
    #[arg(long, env = "INFERENCE_MAX_IMAGE_PIXELS", default_value_t = ImageLimits::default().max_pixels, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub max_image_pixels: u64,

    /// Most pixels on a side of a picture.
    #[arg(long, env = "INFERENCE_MAX_IMAGE_SIDE", default_value_t = ImageLimits::default().max_dimension, value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub max_image_side: u32,

    /// Most items of one request, 1024 at most; never more than fit into the queue.
    #[arg(long, env = "INFERENCE_MAX_BATCH", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub max_batch: u32,

    /// Milliseconds that a request may take if it names no x-request-timeout-ms of its own.
    #[arg(long, env = "INFERENCE_REQUEST_TIMEOUT_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub request_timeout_ms: u64,

    /// Seconds between turning unready and closing the port when told to stop.
    #[arg(long, env = "INFERENCE_DRAIN_SECONDS", default_value_t = 1.0, value_parser = monitoring::drain_seconds)]
    pub drain_seconds: f64,

    /// How many series a scrape may have.
    #[command(flatten)]
    pub metrics: MetricsOptions,

    /// Origins whose pages may ask from a browser, with commas between them, or * for all; left out: no page of another
    /// origin.
    #[arg(long, env = "INFERENCE_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Vec<AllowedOrigin>,

    /// Keys and certificates.
    #[command(flatten)]
    pub security: SecurityOptions,

    /// How many connections each port takes.
    #[command(flatten)]
    pub connections: ConnectionOptions,

    /// Ask the service that listens on --listen whether it is ready, and exit with 0 or 1.
    #[arg(long)]
    pub health_check: bool,
}

impl Config {
    /// Inference threads to start.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }

    /// Where the models are.
    #[must_use]
    pub fn repository(&self) -> RepositoryFolder {
        let model_name = self.model_name.clone().filter(|name| !name.is_empty());
        RepositoryFolder { path: self.models.clone(), model_name }
    }

    /// Most items of one request.
    #[must_use]
    pub fn max_batch(&self) -> usize {
        self.max_batch.min(self.queue_limit) as usize
    }

    /// What the rows of a request may take: a file of rows unpacks to no more than any other body.
    pub(crate) fn row_limits(&self) -> RowLimits {
        RowLimits { rows: self.max_batch(), unpacked_bytes: self.max_body_bytes }
    }

    /// How large a picture may be.
    #[must_use]
    pub fn image_limits(&self) -> ImageLimits {
        ImageLimits { max_pixels: self.max_image_pixels, max_dimension: self.max_image_side }
    }

    /// How long to wait between two looks at the models' folder; `None`: there is one look.
    #[must_use]
    pub fn model_poll(&self) -> Option<Duration> {
        (self.model_poll_seconds > 0.0).then(|| Duration::from_secs_f64(self.model_poll_seconds))
    }

    /// How long a request may take that names no timeout itself.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}

/// Where something is served, or `None` for nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionalAddress(pub Option<SocketAddr>);

/// Checks an interval that may be left out.
fn poll_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected seconds".to_owned())?;
    match seconds {
        0.0 | 0.01..=86_400.0 => Ok(seconds),
        _ => Err("expected 0, or seconds from 0.01 to 86400".to_owned()),
    }
}

/// Checks the address of gRPC.
fn grpc_address(text: &str) -> Result<OptionalAddress, String> {
    optional_address(text, "127.0.0.1:8002")
}

/// Checks the address for administrators.
fn admin_address(text: &str) -> Result<OptionalAddress, String> {
    optional_address(text, "127.0.0.1:8003")
}

fn optional_address(text: &str, example: &str) -> Result<OptionalAddress, String> {
    match text {
        "" => Ok(OptionalAddress(None)),
        address => address
            .parse()
            .map(|address| OptionalAddress(Some(address)))
            .map_err(|problem| format!("{problem}; expected something like {example}, or nothing")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        let config = Config::try_parse_from(["inference-service"]).unwrap();
        assert!(config.listen.ip().is_loopback());
        assert_eq!(config.log.log_url.join("log").unwrap().as_str(), "http://127.0.0.1:8001/log");
    }

    #[test]
    fn grpc_has_an_address_or_is_off() {
        let parsed =
            |text| Config::try_parse_from(["inference-service", "--grpc-listen", text]).map(|c| c.grpc_listen.0);
        assert_eq!(parsed("").unwrap(), None);
        assert_eq!(parsed("[::1]:9000").unwrap(), Some("[::1]:9000".parse().unwrap()));
        assert!(parsed("8002").is_err());
        let config = Config::try_parse_from(["inference-service"]).unwrap();
        assert_eq!(config.admin_listen, OptionalAddress(None), "nobody administers who was not asked to");
    }
}
