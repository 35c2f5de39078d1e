//! Keeps Debian from starting the services of the packages that are installed meanwhile.
//!
//! Debian asks the program `/usr/sbin/policy-rc.d` before it starts a service; where there is none, it starts
//! them all. Rule of thumb: one that is there belongs to somebody, and is left alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use terminal::warn;

const POLICY: &str = "/usr/sbin/policy-rc.d";
/// 101 means: this action is not allowed.
const REFUSE_ALL: &[u8] = b"#!/bin/sh\nexit 101\n";

/// No service is started as long as this lives.
pub(super) struct NoServices {
    /// What to take away again.
    ours: Option<PathBuf>,
}

impl NoServices {
    /// Begins to refuse. Whoever calls this listens for signals until it is dropped, for what it writes must
    /// not outlive the program.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(super) fn begin() -> Result<Self> {
        Self::at(Path::new(POLICY))
    }

    fn at(path: &Path) -> Result<Self> {
        let refused = || format!("{} cannot be written", path.display());
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o755).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Self { ours: None }),
            outcome => outcome.with_context(refused)?,
        };
        let guard = Self { ours: Some(path.to_owned()) };
        file.write_all(REFUSE_ALL).with_context(refused)?;
        Ok(guard)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(path) = &self.ours
            && let Err(error) = fs::remove_file(path)
        {
            warn(format_args!("{} has to be removed by hand, or no service will start: {error}", path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::process::Command;

    use super::*;

    #[test]
    fn services_are_refused_while_it_lives_and_allowed_again_after_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("policy-rc.d");
        let guard = NoServices::at(&path).unwrap();
        let status = Command::new("/bin/sh").arg(&path).status().unwrap();
        assert_eq!(status.code(), Some(101));
        drop(guard);
        assert!(!path.exists());
    }

    #[test]
    fn a_policy_of_somebody_else_stays() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("policy-rc.d");
        fs::write(&path, "theirs").unwrap();
        drop(NoServices::at(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }
}
