//! A full disk loses no row that was acknowledged, and the store comes back by itself.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use prediction_record::PredictionRecord;

use crate::store_support::{
    StartedStore, assert_holds, ids, is_unavailable, record, start_file, submit_until_accepted,
};

#[tokio::test]
async fn a_full_disk_loses_nothing_and_is_survived() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let Some(mount) = SmallDisk::new(&disk) else {
        eprintln!("SKIPPED: the full disk is not tested, because no tmpfs can be mounted here (needs root)");
        return;
    };
    let path = disk.join("p.db");
    let StartedStore { store, witness } = start_file(&path);
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let rows = bulky(20);
        submit_until_accepted(&store, &witness, &rows).await;
        acknowledged.extend(ids(&rows));
        fill(&disk.join("filler"));
        let mut refused = bulky(200);
        // What space the files still have inside is used up first.
        while store.submit(refused.clone()).await.is_ok() {
            acknowledged.extend(ids(&refused));
            refused = bulky(200);
            fill(&disk.join("filler"));
        }
        assert!(witness.told().availability.contains(&false));
        assert!(is_unavailable(&store.submit(refused.clone()).await));
        fs::remove_file(disk.join("filler")).unwrap();
        submit_until_accepted(&store, &witness, &refused).await;
        acknowledged.extend(ids(&refused));
        assert_eq!(store.count().await.unwrap(), acknowledged.len() as u64, "round {round}");
    }
    store.close().await;
    assert_holds(&path, acknowledged);
    drop(mount);
}

/// Records of some 4 kB.
fn bulky(count: usize) -> Vec<PredictionRecord> {
    let extra = serde_json::Map::from_iter([("note".to_owned(), "x".repeat(4000).into())]);
    (0..count).map(|_| PredictionRecord { extra: extra.clone(), ..record("cifar10") }).collect()
}

/// Writes into the file until the disk is full.
fn fill(path: &Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    for size in [65_536, 4096, 1] {
        let block = vec![0u8; size];
        while file.write_all(&block).is_ok() {}
    }
}

/// A small disk in memory, gone when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn new(path: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
