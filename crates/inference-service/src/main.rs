//! The start-up story of the inference service.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use inference_service::config::{CommandLine, Config, OptionalAddress, OtherCommand};
use inference_service::{Listeners, SERVICE};
use monitoring::MetricsRegistry;
use tikv_jemallocator::Jemalloc;
use tokio::net::TcpListener;
use tracing::error;

/// Gives freed memory back to the system, also where a crowd has left small blocks all over it, which glibc's allocator keeps.
/// Its settings are in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The settings that empty turns off: nothing listens there, nothing is logged.
const OFF_IF_EMPTY: [&str; 3] = ["grpc_listen", "admin_listen", "log_url"];

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    monitoring::keep_new_files_private();
    let CommandLine { command, config } = monitoring::parse_settings::<CommandLine>(&OFF_IF_EMPTY);
    if let Some(OtherCommand::Check(check)) = command {
        let is_good = check.run(&mut std::io::stdout().lock()).context("writing what was found")?;
        return Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if config.health_check {
        monitoring::probe(config.listen, config.security.is_encrypted())
            .with_context(|| format!("asking {}", config.listen))?;
        return Ok(ExitCode::SUCCESS);
    }
    let registry = MetricsRegistry::new(SERVICE, VERSION)?;
    let _logs = monitoring::setup_structured_logging(SERVICE, VERSION, &registry)?;
    if let Err(problem) = serve(config, registry).await {
        error!(error = format!("{problem:#}"), "the service stops");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config, registry: MetricsRegistry) -> anyhow::Result<()> {
    let shutdown = monitoring::shutdown_signal()?;
    let http = bind(config.listen, "--listen").await?;
    let grpc = bind_if(config.grpc_listen, "--grpc-listen").await?;
    let admin = bind_if(config.admin_listen, "--admin-listen").await?;
    Ok(inference_service::run(config, Listeners { http, grpc, admin }, registry, shutdown).await?)
}

async fn bind_if(address: OptionalAddress, flag: &str) -> anyhow::Result<Option<TcpListener>> {
    match address.0 {
        Some(address) => bind(address, flag).await.map(Some),
        None => Ok(None),
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address}; {flag} names another address"))
}
