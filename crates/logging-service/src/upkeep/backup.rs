//! Backups on a schedule, each verified by opening it.
//!
//! Rule of thumb: a backup counts when it was opened and found sound; only then may an older one go.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use jiff::Timestamp;
use tokio::time::sleep;
use tracing::{error, info};

use crate::app::App;

const PREFIX: &str = "predictions-";
const SUFFIX: &str = ".db";
/// How soon a backup that failed is tried again.
const RETRY: Duration = Duration::from_secs(300);

/// Makes backups for ever. The first one is due when the newest in the folder is old enough.
pub(super) async fn schedule(app: App, folder: PathBuf) {
    let interval = Duration::from_secs_f64(app.config.backup_hours * 3600.0);
    // A backup has its name only if it was verified, so the newest one counts after a restart too.
    if let Some((made, bytes)) = newest(&folder) {
        let since_1970 = made.duration_since(UNIX_EPOCH).unwrap_or_default();
        app.upkeep.backup_verified(since_1970.as_secs_f64(), bytes);
        sleep(interval.saturating_sub(made.elapsed().unwrap_or_default())).await;
    }
    loop {
        let pause = if make(&app, &folder).await { interval } else { RETRY.min(interval) };
        sleep(pause).await;
    }
}

async fn make(app: &App, folder: &Path) -> bool {
    // To the second: the name is also the order.
    let time = Timestamp::now();
    let name = format!("{PREFIX}{}{SUFFIX}", time.strftime("%Y%m%dT%H%M%SZ"));
    let path = folder.join(name);
    let outcome = tokio::task::spawn_blocking({
        let (store, path, folder) = (app.store.clone(), path.clone(), folder.to_owned());
        move || {
            fs::create_dir_all(&folder)
                .map_err(|e| e.to_string())
                .and_then(|()| store.backup(&path).map_err(|e| e.to_string()))
        }
    })
    .await
    .unwrap_or_else(|panicked| Err(panicked.to_string()));
    match outcome {
        Ok(backup) => {
            app.upkeep.backup_verified(time.as_microsecond() as f64 / 1e6, backup.bytes);
            info!(path = %path.display(), rows = backup.rows, bytes = backup.bytes, "backup_verified");
            if let Err(problem) = delete_old(folder, app.config.backup_keep as usize) {
                error!(%problem, folder = %folder.display(), "old_backups_not_deleted");
            }
            true
        }
        Err(problem) => {
            app.upkeep.backup_failed();
            error!(%problem, path = %path.display(), "backup_failed");
            false
        }
    }
}

/// The backups of a folder, the oldest first.
fn backups(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_ours = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
    };
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours).collect();
    found.sort();
    Ok(found)
}

/// When the newest backup was made, and its bytes.
fn newest(folder: &Path) -> Option<(SystemTime, u64)> {
    let file = fs::metadata(backups(folder).ok()?.pop()?).ok()?;
    Some((file.modified().ok()?, file.len()))
}

fn delete_old(folder: &Path, keep: usize) -> io::Result<()> {
    let found = backups(folder)?;
    found.iter().take(found.len().saturating_sub(keep)).try_for_each(fs::remove_file)
}
