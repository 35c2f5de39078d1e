//! One file on its way into the lake.
//!
//! A row group is sent when it is full, and a part of the upload when it is large enough, so what is held is a row group
//! and a part, however many rows there are.
//!
//! Rule of thumb: a file counts when it was read back, so an upload that lost a piece is found before anything trusts it.

use std::mem;

use object_store::{MultipartUpload, PutPayload};
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

use super::object_lake::{LakeError, ObjectDigest, ObjectLake, hex};
use crate::export::LakeEncoder;
use crate::store::lake_files::LakeFileEntry;

/// Bytes of a part of an upload; files up to this size are sent at once. Stores take parts of 5 MiB and more.
const PART_BYTES: usize = 8 << 20;

/// A file that is being written.
pub(super) struct LakeFileWriter<'l, E> {
    lake: &'l ObjectLake,
    path: String,
    model: String,
    encoder: Option<E>,
    held: Vec<u8>,
    digest: Sha256,
    bytes: u64,
    rows: u64,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl<'l, E: LakeEncoder> LakeFileWriter<'l, E> {
    /// Begins a file, of which nothing is in the lake yet.
    pub(super) fn new(lake: &'l ObjectLake, planned: &LakeFileEntry) -> Result<Self, LakeError> {
        Ok(Self {
            lake,
            path: planned.path.clone(),
            model: planned.model.clone(),
            encoder: Some(E::new()?),
            held: Vec::new(),
            digest: Sha256::new(),
            bytes: 0,
            rows: 0,
            upload: None,
        })
    }

    /// Bytes that were encoded so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Rows that were taken so far.
    pub(super) fn row_count(&self) -> u64 {
        self.rows
    }

    /// Takes rows, and sends what is ready.
    pub(super) async fn rows(&mut self, rows: Vec<E::Row>) -> Result<(), LakeError> {
        let Some(mut encoder) = self.encoder.take() else { return Err(ended()) };
        self.rows += rows.len() as u64;
        // Filling a row group takes some ten milliseconds, for which no task should wait.
        let (encoder, encoded) = spawn_blocking(move || {
            let encoded = encoder.rows(&rows);
            (encoder, encoded)
        })
        .await?;
        self.encoder = Some(encoder);
        self.take(&encoded?);
        while self.held.len() >= PART_BYTES {
            let rest = self.held.split_off(PART_BYTES);
            let part = mem::replace(&mut self.held, rest);
            self.send_part(part).await?;
        }
        Ok(())
    }

    /// Sends the rest, and reads the file back; gives what is to be said of it.
    pub(super) async fn finish(mut self) -> Result<LakeFileEntry, LakeError> {
        let Some(encoder) = self.encoder.take() else { return Err(ended()) };
        let rest = spawn_blocking(move || encoder.finish()).await??;
        self.take(&rest);
        let held = mem::take(&mut self.held);
        if self.upload.is_none() {
            // Where there is a file of this name already, an earlier request took place without an answer.
            let _ = self.lake.create(&self.path, held).await?;
        } else {
            self.send_part(held).await?;
            if let Some(mut upload) = self.upload.take() {
                upload.complete().await?;
            }
        }
        let expected = ObjectDigest { bytes: self.bytes, sha256: hex(&self.digest.finalize()) };
        let found = self.lake.digest(&self.path).await?;
        if found.as_ref() != Some(&expected) {
            return Err(LakeError::Disagrees(format!("{} was read back as {found:?}, not {expected:?}", self.path)));
        }
        let ObjectDigest { bytes, sha256 } = expected;
        Ok(LakeFileEntry { path: self.path, model: self.model, rows: self.rows, bytes, sha256 })
    }

    /// Ends an upload that failed, so that the store keeps none of its parts. The file has no name yet in that case.
    pub(super) async fn abandon(mut self) {
        if let Some(mut upload) = self.upload.take() {
            // Parts that stay are no file; the bucket's own rule deletes them.
            let _ = upload.abort().await;
        }
    }

    fn take(&mut self, encoded: &[u8]) {
        self.digest.update(encoded);
        self.bytes += encoded.len() as u64;
        self.held.extend_from_slice(encoded);
    }

    async fn send_part(&mut self, part: Vec<u8>) -> Result<(), LakeError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => self.upload.insert(self.lake.begin_large(&self.path).await?),
        };
        Ok(upload.put_part(PutPayload::from(part)).await?)
    }
}

fn ended() -> LakeError {
    LakeError::Unreadable("the encoder ended early".to_owned())
}
