//! The folder of a spool: its files, and the lock that makes it this process's own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// The folder. While it exists, no other process gets it.
#[derive(Debug)]
pub(super) struct SpoolFolder {
    path: PathBuf,
    /// Held until this is dropped, or the process is gone in any way.
    _lock: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// Another process has it.
    #[error("{0} is the spool of another process that runs")]
    Taken(PathBuf),
    /// It cannot be created or written.
    #[error("{path}: {cause}")]
    Unusable { path: PathBuf, cause: io::Error },
}

impl SpoolFolder {
    /// Creates the folder where it is absent, and locks it.
    ///
    /// # Errors
    /// [`FolderError`].
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let unusable = |cause| FolderError::Unusable { path: path.to_owned(), cause };
        fs::create_dir_all(path).map_err(unusable)?;
        let lock = OpenOptions::new().create(true).append(true).open(path.join("spool.lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(FolderError::Taken(path.to_owned())),
            Err(TryLockError::Error(cause)) => Err(unusable(cause)),
        }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("spool.db")
    }

    pub(super) fn wal(&self) -> PathBuf {
        self.path.join("spool.db-wal")
    }

    /// Where the marks are.
    pub(super) fn marks(&self) -> PathBuf {
        self.path.join("spool.marks")
    }

    /// Where what is readable of a damaged database is gathered.
    pub(super) fn salvage_under_way(&self) -> PathBuf {
        self.path.join("spool.db.salvage-part")
    }

    /// Where it is once it is complete.
    pub(super) fn salvaged(&self) -> PathBuf {
        self.path.join("spool.db.salvaged")
    }

    /// Keeps a copy of the write-ahead log, and says where.
    ///
    /// # Errors
    /// It cannot be copied.
    pub(super) fn copy_wal(&self) -> io::Result<PathBuf> {
        let copy = self.unused("spool.db-wal");
        fs::copy(self.wal(), &copy)?;
        Ok(copy)
    }

    /// Puts the salvaged database in the place of the damaged one, which is kept under another name, and says
    /// which. Interrupted at any point, it can be called again.
    ///
    /// # Errors
    /// A file cannot be renamed.
    pub(super) fn swap_in_salvaged(&self) -> io::Result<PathBuf> {
        let kept = self.unused("spool.db");
        // The log first: beside another database it would be replayed into that one.
        for suffix in ["-wal", "-shm"] {
            let with_suffix = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
            rename_if_there(&with_suffix(&self.database()), &with_suffix(&kept))?;
        }
        rename_if_there(&self.database(), &kept)?;
        fs::rename(self.salvaged(), self.database())?;
        self.sync()?;
        Ok(kept)
    }

    /// Removes the database; the log first, because it would be replayed into the next one.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub(super) fn remove_database(&self) -> io::Result<()> {
        for file in [self.wal(), self.database()] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes the folder's entries durable.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
            _ => Ok(()),
        }
    }

    /// `<name>.corrupt-<seconds since 1970>`, counted on where two are made in one second.
    fn unused(&self, name: &str) -> PathBuf {
        let mut second = Timestamp::now().as_second();
        loop {
            let path = self.path.join(format!("{name}.corrupt-{second}"));
            if !path.exists() {
                return path;
            }
            second += 1;
        }
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}
