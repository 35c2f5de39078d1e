//! The running service that a command sends to.

use std::path::PathBuf;

use clap::Args;
use reqwest::Url;

/// A running service, and what is shown to it.
#[derive(Args, Clone, Debug)]
pub(super) struct ServiceOptions {
    /// A running service that it is sent to, such as http://127.0.0.1:8001.
    #[arg(long, value_name = "URL", value_parser = service_url)]
    pub(super) to: Option<Url>,

    /// A file with the key to show to the service, where that wants one.
    #[arg(long, env = "PREDICTION_LOG_KEY_FILE", value_name = "FILE")]
    pub(super) log_key: Option<PathBuf>,

    /// A file of certificates (PEM), of which one has to vouch for the service; left out: those that the system trusts.
    #[arg(long, env = "PREDICTION_LOG_CA_FILE", value_name = "FILE")]
    pub(super) log_ca: Option<PathBuf>,
}

fn service_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; expected something like http://127.0.0.1:8001"))?;
    if ["http", "https"].contains(&url.scheme()) {
        Ok(url)
    } else {
        Err("only http:// and https:// are supported".into())
    }
}
