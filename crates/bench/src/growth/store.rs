//! The database that grows, and the service in front of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use testkit::PostgresServer;

use super::fill::GrownLog;
use crate::program::ServiceProgram;
use crate::scratch::ScratchFolder;

/// What stores the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum GrowthEngine {
    /// A file.
    Sqlite,
    /// A server with the defaults of Debian's package, which is started for this.
    Postgres,
}

/// A file or a server, with a note of what was filled in.
pub(super) struct GrownStore {
    url: String,
    note: PathBuf,
    /// Ends the server when it is dropped.
    _server: Option<PostgresServer>,
}

impl GrownStore {
    /// Opens what is in a folder, or makes it.
    ///
    /// # Errors
    /// Where the folder cannot be made, or there is no PostgreSQL.
    pub(super) fn open(engine: GrowthEngine, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        let note = folder.join("rows.json");
        if engine == GrowthEngine::Sqlite {
            let url = format!("sqlite:{}", folder.join("growth.db").display());
            return Ok(Self { url, note, _server: None });
        }
        let server = PostgresServer::start(&folder.join("server"), &[], "growth of PostgreSQL");
        let server = server.context("there is no PostgreSQL")?;
        Ok(Self { url: server.url("postgres"), note, _server: Some(server) })
    }

    /// Whether nothing was filled in yet.
    pub(super) fn is_new(&self) -> bool {
        !self.note.exists()
    }

    /// Notes what was filled in.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn keep(&self, log: &GrownLog) -> Result<()> {
        Ok(fs::write(&self.note, serde_json::to_vec(&[log.beginning, log.apart, log.rows as i64])?)?)
    }

    /// What was filled in when it was: the times of its rows are those of that day.
    ///
    /// # Errors
    /// Where the note says something else than numbers.
    pub(super) fn kept(&self, log: GrownLog) -> Result<GrownLog> {
        let [beginning, apart, rows]: [i64; 3] = serde_json::from_slice(&fs::read(&self.note)?)?;
        Ok(GrownLog { beginning, apart, rows: usize::try_from(rows)?, ..log })
    }

    /// Starts the service on it.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub(super) fn service(
        &self,
        scratch: &ScratchFolder,
        build: Option<&Path>,
        flags: &[&str],
    ) -> Result<ServiceProgram> {
        ServiceProgram::logging_at(scratch, &self.url, build, flags)
    }

    /// Bytes on the disk, as the service says.
    ///
    /// # Errors
    /// Where the service does not answer.
    pub(super) fn bytes(&self, service: &ServiceProgram) -> Result<f64> {
        service.metric("logging_db_bytes", "")
    }
}
