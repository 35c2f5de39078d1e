//! Backups on a schedule, each verified by opening it.
//!
//! Rule of thumb: a backup counts once it was opened and found sound; only then may an older one be deleted.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use tokio::time::sleep;
use tracing::{error, info};

use crate::app::App;

const PREFIX: &str = "predictions-";
const SUFFIX: &str = ".db";
/// The wait after a backup that failed; shorter where backups are more frequent.
const RETRY: Duration = Duration::from_secs(300);

/// Makes backups for ever. The first one is due when the newest in the folder is old enough.
pub(super) async fn schedule(app: App, folder: PathBuf) {
    let interval = Duration::from_secs_f64(app.config.backup_hours * 3600.0);
    // A backup has its name only if it was verified, so the newest one counts after a restart, too.
    if let Some(file) = newest(&folder)
        && let Ok(made) = file.modified()
    {
        let since_1970 = made.duration_since(UNIX_EPOCH).unwrap_or_default();
        app.upkeep.backup_verified(since_1970.as_secs_f64(), file.len());
        sleep(interval.saturating_sub(made.elapsed().unwrap_or_default())).await;
    }
    loop {
        let is_made = make_backup(&app, &folder).await;
        let pause = if is_made { interval } else { RETRY.min(interval) };
        sleep(pause).await;
    }
}

/// Makes a backup and deletes those past the number to keep; says whether there is a new backup.
async fn make_backup(app: &App, folder: &Path) -> bool {
    // The name has the time to the second, so that names sort by age.
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

/// The file of the newest backup.
fn newest(folder: &Path) -> Option<Metadata> {
    fs::metadata(backups(folder).ok()?.pop()?).ok()
}

fn delete_old(folder: &Path, keep: usize) -> io::Result<()> {
    let found = backups(folder)?;
    found.iter().take(found.len().saturating_sub(keep)).try_for_each(fs::remove_file)
}
