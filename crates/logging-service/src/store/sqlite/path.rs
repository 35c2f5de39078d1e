//! Where a database is: the `sqlite:PATH` URL and the files that SQLite keeps beside the database.
//!
//! Rule of thumb: the path of every database file comes from here.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::super::error::StoreError;

/// The path of a database file, parsed from its URL.
///
/// `sqlite:data/predictions.db` is relative to the working directory, `sqlite:/srv/p.db` and `sqlite:///srv/p.db` are
/// absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabasePath(PathBuf);

impl DatabasePath {
    /// The database itself.
    pub fn database(&self) -> &Path {
        &self.0
    }

    /// The write-ahead log: what is committed but not yet copied into the database.
    pub fn wal(&self) -> PathBuf {
        self.beside("-wal")
    }

    /// The index of the write-ahead log, shared between connections.
    pub fn wal_index(&self) -> PathBuf {
        self.beside("-shm")
    }

    /// A second name of the database, under which it is read together with frames of a damaged log.
    pub(super) fn salvage_view(&self) -> PathBuf {
        self.beside("-salvage-view")
    }

    /// Where what is readable behind the damage of a log is gathered.
    pub(super) fn salvage_part(&self) -> PathBuf {
        self.beside("-salvage-part")
    }

    /// Where it is once it is complete.
    pub(super) fn salvaged(&self) -> PathBuf {
        self.beside("-salvaged")
    }

    /// Bytes on disk of the database and its write-ahead log; a file that is absent counts as 0.
    pub fn size_bytes(&self) -> u64 {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        size(&self.0) + size(&self.wal())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    }
}

impl From<PathBuf> for DatabasePath {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl fmt::Display for DatabasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())
    }
}

impl FromStr for DatabasePath {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        let invalid = |problem: &str| StoreError::InvalidUrl(format!("{url:?}: {problem}"));
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return Err(invalid("expected sqlite:PATH, such as sqlite:data/predictions.db"));
        };
        let path = match rest.strip_prefix("//") {
            Some(absolute) if absolute.starts_with('/') => absolute,
            Some(_) => {
                return Err(invalid("a host is not supported; sqlite:///PATH is absolute, sqlite:PATH relative"));
            }
            None => rest,
        };
        // SQLite itself gives ":memory:" and "file:" a meaning of their own.
        if path.is_empty() || path.ends_with('/') || path.starts_with(':') || path.starts_with("file:") {
            return Err(invalid("the path of a file is missing"));
        }
        if path.contains(['?', '\0']) {
            return Err(invalid("parameters are not supported"));
        }
        Ok(Self(PathBuf::from(path)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn urls_name_relative_and_absolute_files() {
        let path = |url: &str| url.parse::<DatabasePath>().unwrap().to_string();
        assert_eq!(path("sqlite:data/predictions.db"), "data/predictions.db");
        assert_eq!(path("sqlite:p.db"), "p.db");
        assert_eq!(path("sqlite:/srv/p.db"), "/srv/p.db");
        assert_eq!(path("sqlite:///srv/p.db"), "/srv/p.db");
    }

    #[test]
    fn other_urls_are_refused_and_quoted() {
        for url in [
            "",
            "data/p.db",
            "postgres://localhost/p",
            "sqlite:",
            "sqlite://",
            "sqlite:///",
            "sqlite:dir/",
            "sqlite://host/p.db",
            "sqlite::memory:",
            "sqlite:file:p.db",
            "sqlite:p.db?mode=ro",
            "SQLITE:p.db",
        ] {
            let error = url.parse::<DatabasePath>().unwrap_err();
            assert!(matches!(error, StoreError::InvalidUrl(_)), "{url}");
            assert!(error.to_string().contains(&format!("{url:?}")), "{error}");
        }
    }

    #[test]
    fn side_files_append_to_the_whole_name() {
        let path = DatabasePath::from(PathBuf::from("data/p.db"));
        assert_eq!(path.wal(), Path::new("data/p.db-wal"));
        assert_eq!(path.wal_index(), Path::new("data/p.db-shm"));
    }
}
