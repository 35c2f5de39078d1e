//! Following files: read at the start, and again whenever they have changed and settled.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{error, info};

use super::{Credential, CredentialError, CredentialMetrics, ReloadOutcome};
use crate::hangup::Hangup;

/// How long to wait between two looks at the files. A change is taken when two looks find the same.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Most bytes of one file.
const MAX_BYTES: u64 = 256 * 1024;

/// Which files hold a credential, and how they are read.
pub(crate) struct CredentialSource<T> {
    pub(crate) credential: Credential,
    /// The flag that names the files.
    pub(crate) flag: &'static str,
    pub(crate) files: Vec<PathBuf>,
    /// Makes the credential of the files' bytes, or says what is wrong without quoting them.
    pub(crate) read: fn(&[Vec<u8>]) -> Result<T, String>,
}

/// What the files held when they could be used last. Clones share it.
pub(crate) struct CurrentCredential<T>(Arc<RwLock<Arc<T>>>);

impl<T> Clone for CurrentCredential<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> CurrentCredential<T> {
    /// Reads the files now, and again when they change, until every clone is dropped. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`CredentialError`] if they cannot be used now.
    pub(crate) fn follow(source: CredentialSource<T>, metrics: &CredentialMetrics) -> Result<Self, CredentialError> {
        Self::follow_every(LOOK_INTERVAL, source, metrics)
    }

    pub(crate) fn follow_every(
        interval: Duration,
        source: CredentialSource<T>,
        metrics: &CredentialMetrics,
    ) -> Result<Self, CredentialError> {
        let error = |problem| CredentialError { flag: source.flag, files: names_of(&source.files), problem };
        let files = read_all(&source.files).map_err(error)?;
        let value = (source.read)(&files).map_err(error)?;
        let current = Arc::new(RwLock::new(Arc::new(value)));
        let follower = CredentialFollower {
            seen: Ok(digest(&files)),
            tried: Ok(digest(&files)),
            current: Arc::downgrade(&current),
            source,
            metrics: metrics.clone(),
        };
        tokio::spawn(follower.run(interval));
        Ok(Self(current))
    }

    pub(crate) fn get(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Tells one state of the files from another.
type FilesDigest = [u8; 32];

/// The task that looks at the files again and again.
struct CredentialFollower<T> {
    source: CredentialSource<T>,
    metrics: CredentialMetrics,
    current: Weak<RwLock<Arc<T>>>,
    /// What the last look found: the state of the files, or why they cannot be read.
    seen: Result<FilesDigest, String>,
    /// The state that was last taken or refused.
    tried: Result<FilesDigest, String>,
}

impl<T: Send + Sync + 'static> CredentialFollower<T> {
    /// Runs as long as somebody has the value.
    async fn run(mut self, interval: Duration) {
        let mut hangup = Hangup::listen_or_ignore();
        loop {
            let is_asked = tokio::select! {
                () = sleep(interval) => false,
                () = hangup.heard() => true,
            };
            let Some(current) = self.current.upgrade() else { return };
            let files = self.source.files.clone();
            // A disk may take its time.
            let found =
                spawn_blocking(move || read_all(&files)).await.unwrap_or_else(|problem| Err(problem.to_string()));
            if self.is_new(&found, is_asked) {
                self.reload(found, &current);
            }
        }
    }

    /// Whether the files have changed since the last attempt and stayed the same for two looks. While files are being
    /// replaced, a certificate may lie beside the key of another; whoever asks for a look says that they are complete.
    fn is_new(&mut self, found: &Result<Vec<Vec<u8>>, String>, is_asked: bool) -> bool {
        let now = found.as_ref().map(|files| digest(files)).map_err(Clone::clone);
        let is_settled = is_asked || now == self.seen;
        self.seen.clone_from(&now);
        let is_new = is_settled && now != self.tried;
        if is_new {
            self.tried = now;
        }
        is_new
    }

    fn reload(&self, found: Result<Vec<Vec<u8>>, String>, current: &RwLock<Arc<T>>) {
        let CredentialSource { credential, flag, read, files } = &self.source;
        let file = names_of(files);
        match found.and_then(|files| read(&files)) {
            Ok(new) => {
                *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                info!(flag, file, "credential_reloaded");
                self.metrics.reloaded(*credential, ReloadOutcome::Success);
            }
            Err(problem) => {
                error!(flag, file, error = problem, "credential_reload_failed");
                self.metrics.reloaded(*credential, ReloadOutcome::Failure);
            }
        }
    }
}

fn names_of(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ")
}

fn read_all(files: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    files.iter().map(|file| read_bounded(file)).collect()
}

fn read_bounded(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 > MAX_BYTES => Err(format!("it has more than {MAX_BYTES} bytes")),
        Ok(_) => Ok(bytes),
        Err(problem) => Err(format!("it cannot be read: {problem}")),
    }
}

fn digest(files: &[Vec<u8>]) -> FilesDigest {
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
    use crate::metrics::MetricsRegistry;

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
    async fn an_unusable_file_replaces_nothing_and_a_usable_one_does() {
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
        let start = || CurrentCredential::follow_every(Duration::from_millis(1), source(), &metrics);
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
        assert_eq!((reloads(ReloadOutcome::Success), reloads(ReloadOutcome::Failure)), (2, 1));
        fs::remove_file(&file).unwrap();
        until("it is gone", || reloads(ReloadOutcome::Failure) == 2).await;
        fs::write(&file, vec![b'1'; MAX_BYTES as usize + 1]).unwrap();
        until("it is too large", || reloads(ReloadOutcome::Failure) == 3).await;
        assert_eq!(*current.get(), 3);
    }

    #[tokio::test]
    async fn a_hangup_is_a_reason_to_look_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("number");
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let metrics = CredentialMetrics::register(&registry).unwrap();
        fs::write(&file, "1").unwrap();
        let source = CredentialSource {
            credential: Credential::LogKey,
            flag: "--number",
            files: vec![file.clone()],
            read: number,
        };
        // From here on the signal does not end the test.
        let _hangup = Hangup::listen_or_ignore();
        let current = CurrentCredential::follow_every(Duration::from_secs(3_600), source, &metrics).unwrap();
        fs::write(&file, "2").unwrap();
        let hang_up = || {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::HUP).unwrap();
        };
        // The first may come before the follower listens.
        let asking = async {
            while *current.get() != 2 {
                hang_up();
                sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asking).await.expect("it is never read");
    }
}
