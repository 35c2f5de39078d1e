//! The store of a lake, with the few things that are asked of it.
//!
//! Rule of thumb: each failure says what was being done and where; what a store says of itself names no secret.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use sha2::{Digest as _, Sha256};

use super::layout;
use crate::export::EncodeError;
use crate::store::StoreError;

/// Why something was not done in the lake.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LakeError {
    /// The store cannot be reached, or refuses.
    #[error("the object store failed: {0}")]
    Store(#[from] Error),
    /// The database, in which the books are.
    #[error(transparent)]
    Books(#[from] StoreError),
    /// Rows cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A file or a manifest cannot be read.
    #[error("a file of the lake cannot be read: {0}")]
    Unreadable(String),
    /// The lake holds something else than the books say.
    #[error("the lake holds something else than the database says: {0}")]
    Disagrees(String),
    /// There is no room in memory for its rows.
    #[error("there is no room in memory: {0}")]
    Full(String),
    /// A thread ended early.
    #[error("a thread ended early: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl LakeError {
    /// Something in the lake cannot be read.
    pub(super) fn unreadable(problem: impl fmt::Display) -> Self {
        Self::Unreadable(problem.to_string())
    }
}

/// How large a file is, and its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectDigest {
    /// Its size.
    pub(super) bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub(super) sha256: String,
}

/// The store of a lake. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ObjectLake {
    store: Arc<dyn ObjectStore>,
}

impl ObjectLake {
    pub(crate) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }

    /// Writes a file where there is none; false where there is one.
    pub(super) async fn create(&self, path: &str, content: impl Into<Bytes>) -> Result<bool, LakeError> {
        let payload = PutPayload::from_bytes(content.into());
        match self.store.put_opts(&layout::path(path)?, payload, PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(problem) => Err(problem.into()),
        }
    }

    /// Begins a file that is too large for one request.
    pub(super) async fn begin_large(&self, path: &str) -> Result<Box<dyn MultipartUpload>, LakeError> {
        Ok(self.store.put_multipart(&layout::path(path)?).await?)
    }

    /// A small file; `None` where there is none.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Bytes>, LakeError> {
        match self.store.get(&layout::path(path)?).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(problem) => Err(problem.into()),
        }
    }

    /// A part of a file.
    pub(super) async fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, LakeError> {
        Ok(self.store.get_range(&layout::path(path)?, range).await?)
    }

    /// Reads a whole file for its size and digest, a piece at a time; `None` where there is none.
    pub(super) async fn digest(&self, path: &str) -> Result<Option<ObjectDigest>, LakeError> {
        let found = match self.store.get(&layout::path(path)?).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(problem) => return Err(problem.into()),
        };
        let (mut bytes, mut digest) = (0, Sha256::new());
        let mut pieces = found.into_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            bytes += piece.len() as u64;
            digest.update(&piece);
        }
        Ok(Some(ObjectDigest { bytes, sha256: hex(&digest.finalize()) }))
    }

    /// Deletes a file; one that is not there is deleted already.
    pub(super) async fn delete(&self, path: &str) -> Result<(), LakeError> {
        match self.store.delete(&layout::path(path)?).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(problem) => Err(problem.into()),
        }
    }

    /// The paths of all files below a folder, in no order. Held all at once: some hundred bytes for each.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        let found = self.store.list(Some(&layout::path(folder)?));
        Ok(found.map_ok(|file| file.location.to_string()).try_collect().await?)
    }
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
