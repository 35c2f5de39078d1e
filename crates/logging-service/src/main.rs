//! The start-up story of the logging service.

use std::process::ExitCode;

use anyhow::Context as _;
use logging_service::SERVICE;
use logging_service::config::Config;
use monitoring::MetricsRegistry;
use tikv_jemallocator::Jemalloc;
use tokio::net::TcpListener;
use tracing::error;

/// Gives freed memory back to the system, also where a crowd has left small blocks all over it, which glibc's allocator keeps.
/// SQLite asks it as well. Its settings are in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> anyhow::Result<ExitCode> {
    monitoring::keep_new_files_private();
    let config = monitoring::parse_settings::<Config>(&[]);
    if config.health_check {
        monitoring::probe(config.listen, config.security.is_encrypted())
            .with_context(|| format!("asking {}", config.listen))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(command) = &config.command {
        // The PostgreSQL client starts a runtime of its own, so the commands run outside of one.
        return logging_service::command::run(command, &config);
    }
    let registry = MetricsRegistry::new(SERVICE, VERSION)?;
    let _logs = monitoring::setup_structured_logging(SERVICE, VERSION, &registry)?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    if let Err(problem) = runtime.block_on(serve(config, registry)) {
        error!(error = format!("{problem:#}"), "the service stops");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config, registry: MetricsRegistry) -> anyhow::Result<()> {
    let shutdown = monitoring::shutdown_signal()?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; --listen names another address", config.listen))?;
    Ok(logging_service::run(config, listener, registry, shutdown).await?)
}
