//! Keys and certificates: files that are read again when they change, so that replacing one needs no restart.
//!
//! Rule of thumb: what cannot be used replaces nothing, and nothing of what is in the files is shown.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{error, info};

use crate::metrics::{Counter, Each, Family, Gauge, LabelEnum as _, MetricsError, MetricsRegistry, each};

/// How long to wait between two looks at the files. What two looks find the same is taken.
const PAUSE: Duration = Duration::from_secs(5);
/// Most bytes of one file.
const MAX_BYTES: u64 = 256 * 1024;

crate::label_enum! {
    /// What a file holds.
    pub enum Credential: "credential" {
        /// The keys of those who may ask.
        ApiKeys = "api_keys",
        /// The certificate that the service shows, and its private key.
        Certificate = "certificate",
        /// The key that the service shows to another one.
        LogKey = "log_key",
    }
}

crate::label_enum! {
    /// How reading again ended.
    pub(crate) enum Outcome: "outcome" {
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
pub struct CredentialMetrics(Arc<Families>);

struct Families {
    reloads: Family<Counter, (Each<Credential>, Each<Outcome>)>,
    successful: Family<Gauge, Each<Credential>>,
}

impl CredentialMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// If `registry` has them already.
    pub fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let families = Families {
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

    fn reloaded(&self, credential: Credential, outcome: Outcome) {
        self.0.reloads.with((credential, outcome)).inc();
        self.0.successful.with(credential).set(f64::from(u8::from(outcome == Outcome::Success)));
    }
}

/// Where something is, and how it is read.
pub(crate) struct CredentialSource<T> {
    pub(crate) credential: Credential,
    /// The flag that names the files.
    pub(crate) flag: &'static str,
    pub(crate) files: Vec<PathBuf>,
    /// Makes it of the files' bytes, or says what is wrong without quoting them.
    pub(crate) read: fn(&[Vec<u8>]) -> Result<T, String>,
}

/// What was in the files when they could be used last. Clones share it.
pub(crate) struct Current<T>(Arc<RwLock<Arc<T>>>);

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Current<T> {
    /// Reads the files now, and again when they change, until every clone is dropped. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`CredentialError`] where they cannot be used now.
    pub(crate) fn follow(source: CredentialSource<T>, metrics: &CredentialMetrics) -> Result<Self, CredentialError> {
        Self::follow_every(PAUSE, source, metrics)
    }

    pub(crate) fn follow_every(
        pause: Duration,
        source: CredentialSource<T>,
        metrics: &CredentialMetrics,
    ) -> Result<Self, CredentialError> {
        let read = look(&source.files).and_then(|files| Ok((state(&files), (source.read)(&files)?)));
        let (state, value) =
            read.map_err(|problem| CredentialError { flag: source.flag, files: named(&source.files), problem })?;
        let current = Arc::new(RwLock::new(Arc::new(value)));
        tokio::spawn(follow(source, (Arc::downgrade(&current), state), pause, metrics.clone()));
        Ok(Self(current))
    }

    pub(crate) fn get(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What tells one state of the files from another.
type State = [u8; 32];

/// Looks again and again, as long as somebody has the value.
async fn follow<T: Send + Sync + 'static>(
    source: CredentialSource<T>,
    (value, tried): (Weak<RwLock<Arc<T>>>, State),
    pause: Duration,
    metrics: CredentialMetrics,
) {
    let (mut seen, mut tried) = (Ok(tried), Ok(tried));
    let CredentialSource { credential, flag, read, .. } = source;
    let files = Arc::new(source.files);
    loop {
        sleep(pause).await;
        let Some(current) = value.upgrade() else { return };
        let looked = Arc::clone(&files);
        // A disk may take its time.
        let found = spawn_blocking(move || look(&looked)).await.unwrap_or_else(|problem| Err(problem.to_string()));
        let now = found.as_ref().map(|files| state(files)).map_err(Clone::clone);
        let is_settled = now == seen;
        seen.clone_from(&now);
        // While files are being replaced, a certificate may lie beside the key of another.
        if !is_settled || now == tried {
            continue;
        }
        tried = now;
        let file = named(&files);
        match found.and_then(|files| read(&files)) {
            Ok(new) => {
                *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                info!(flag, file, "credential_reloaded");
                metrics.reloaded(credential, Outcome::Success);
            }
            Err(problem) => {
                error!(flag, file, error = problem, "credential_reload_failed");
                metrics.reloaded(credential, Outcome::Failure);
            }
        }
    }
}

fn named(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ")
}

fn look(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    files.iter().map(|file| bytes(file)).collect()
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 > MAX_BYTES => Err(format!("it has more than {MAX_BYTES} bytes")),
        Ok(_) => Ok(bytes),
        Err(problem) => Err(format!("it cannot be read: {problem}")),
    }
}

fn state(files: &[Vec<u8>]) -> State {
    let mut digest = Sha256::new();
    for file in files {
        digest.update((file.len() as u64).to_le_bytes());
        digest.update(file);
    }
    digest.finalize().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::fs;

    use super::*;

    fn number(files: &[Vec<u8>]) -> Result<u32, String> {
        str::from_utf8(&files[0]).ok().and_then(|text| text.parse().ok()).ok_or_else(|| "not a number".to_owned())
    }

    async fn until(what: &str, condition: impl Fn() -> bool) {
        let asking = async {
            while !condition() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    #[tokio::test]
    async fn what_cannot_be_used_replaces_nothing_and_what_can_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let metrics = CredentialMetrics::register(&registry).unwrap();
        let source = || CredentialSource {
            credential: Credential::LogKey,
            flag: "--number",
            files: vec![file.clone()],
            read: number,
        };
        let start = || Current::follow_every(Duration::from_millis(1), source(), &metrics);
        let refused = start().err().unwrap().to_string();
        assert!(refused.contains("--number") && refused.contains(file.to_str().unwrap()), "{refused}");

        fs::write(&file, "1").unwrap();
        let current = start().unwrap();
        let reloads = |outcome| metrics.0.reloads.with((Credential::LogKey, outcome)).get();
        let successful = || metrics.0.successful.with(Credential::LogKey).get();
        for (content, number) in [("2", 2), ("x", 2), ("3", 3)] {
            fs::write(&file, content).unwrap();
            let is_good = content != "x";
            until(content, || *current.get() == number && (successful() == 1.0) == is_good).await;
        }
        assert_eq!((reloads(Outcome::Success), reloads(Outcome::Failure)), (2, 1));
        fs::remove_file(&file).unwrap();
        until("it is gone", || reloads(Outcome::Failure) == 2).await;
        fs::write(&file, vec![b'1'; MAX_BYTES as usize + 1]).unwrap();
        until("it is too large", || reloads(Outcome::Failure) == 3).await;
        assert_eq!(*current.get(), 3);
    }
}
