//! A store that fails, or kills its program, before or after it has done what it was asked.

use std::fmt;
use std::ops::Range;
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What goes wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The program is killed at this step; each operation is two steps, before it and after it.
    Kill(AtomicI64),
    /// One step of so many fails, by chance, and others take a moment.
    Random { one_of: u32, chance: Mutex<fastrand::Rng> },
}

/// The store.
#[derive(Clone, Debug)]
pub(super) struct FaultyStore {
    pub(super) inner: Arc<dyn ObjectStore>,
    pub(super) fault: Arc<Fault>,
}

impl FaultyStore {
    /// A step before or after an operation.
    async fn step(&self) -> Result<()> {
        match &*self.fault {
            Fault::Kill(left) => {
                if left.fetch_sub(1, Ordering::Relaxed) == 0 {
                    let killed = Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
                    panic!("still alive: {killed:?}");
                }
                Ok(())
            }
            Fault::Random { one_of, chance } => {
                let (fails, waits) = {
                    let mut chance = chance.lock().unwrap();
                    (chance.u32(0..*one_of) == 0, chance.u64(0..3))
                };
                tokio::time::sleep(Duration::from_millis(waits)).await;
                if fails { Err(Error::Generic { store: "faulty", source: "on purpose".into() }) } else { Ok(()) }
            }
        }
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.step().await?;
        let done = self.inner.put_opts(location, payload, opts).await?;
        self.step().await.map(|()| done)
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.step().await?;
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.step().await?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.step().await?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    store.step().await?;
                    store.inner.delete(&location).await?;
                    store.step().await.map(|()| location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
