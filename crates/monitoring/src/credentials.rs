//! Keys and certificates: files that are read again when they change, so that replacing one needs no restart.
//!
//! Rule of thumb: a file that cannot be used replaces nothing, and no message quotes what is in the files.

mod follow;

use std::sync::Arc;

use crate::metrics::{Counter, Each, Family, Gauge, LabelEnum as _, MetricsError, MetricsRegistry, each};
pub(crate) use follow::{CredentialSource, CurrentCredential};

crate::label_enum! {
    /// What a file holds.
    pub enum Credential: "credential" {
        /// The keys of the clients that are let in.
        ApiKeys = "api_keys",
        /// The certificate that the service shows, and its private key.
        Certificate = "certificate",
        /// The key that the service shows to another service.
        LogKey = "log_key",
    }
}

crate::label_enum! {
    /// How an attempt to read a changed file ended.
    pub(crate) enum ReloadOutcome: "outcome" {
        Success = "success",
        Failure = "failure",
    }
}

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {files}: {problem}")]
pub struct CredentialError {
    flag: &'static str,
    files: String,
    problem: String,
}

/// The metrics of files that are read again. Clones share them.
#[derive(Clone)]
pub struct CredentialMetrics(Arc<CredentialFamilies>);

struct CredentialFamilies {
    reloads: Family<Counter, (Each<Credential>, Each<ReloadOutcome>)>,
    successful: Family<Gauge, Each<Credential>>,
}

impl CredentialMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// If `registry` has them already.
    pub fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let families = CredentialFamilies {
            reloads: registry.counters(
                "credential_reloads_total",
                "Keys and certificates read again because their files had changed.",
                (each(), each()),
            )?,
            successful: registry.gauges(
                "credential_last_reload_successful",
                "0 if what is in the files now cannot be used and what was in them before is, else 1.",
                each(),
            )?,
        };
        Credential::ALL.iter().for_each(|&credential| families.successful.with(credential).set(1.0));
        Ok(Self(Arc::new(families)))
    }

    fn reloaded(&self, credential: Credential, outcome: ReloadOutcome) {
        self.0.reloads.with((credential, outcome)).inc();
        self.0.successful.with(credential).set(f64::from(u8::from(outcome == ReloadOutcome::Success)));
    }
}
