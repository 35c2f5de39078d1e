//! Copies of the database, and whether it is sound, while it is written.

use tempfile::TempDir;
use testkit::{Database, Load, Pair, Shot, pictures, wait_until};

use crate::PATIENCE;

/// Looks at the database under load: what goes wrong there goes wrong seldom.
const CHECKS: usize = 10;

pub(crate) async fn while_it_is_written(pair: &Pair) {
    let examples = pictures("surface");
    let load = Load::open(2, 500.0)
        .start(&pair.inference, move |number| Shot::picture("surface", &examples[number % examples.len()]));
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("copy.db");
    let before = pair.database().rows();
    let output = pair.command(&["backup", copy.to_str().unwrap()]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("found sound"), "{}: {said}", output.status);
    let copied = Database::open(&copy);
    assert_eq!(copied.integrity(), "ok");
    assert!((before..=pair.database().rows()).contains(&copied.rows()), "{} rows of at least {before}", copied.rows());
    assert!(!pair.command(&["backup", copy.to_str().unwrap()]).status.success(), "a copy was overwritten");

    for _ in 0..CHECKS {
        let answered = load.answered();
        wait_until("the load goes on", PATIENCE, async || load.answered() > answered).await;
        pair.assert_checked();
    }
    scheduled(pair).await;
    load.stop().await;
    pair.all_delivered().await;
    pair.assert_checked();
}

/// Copies are made without being asked for as well.
async fn scheduled(pair: &Pair) {
    let metrics = pair.logging.metrics().await;
    assert_eq!(
        (metrics.count("logging_backup_enabled", &[]), metrics.count("logging_backup_failures_total", &[])),
        (1, 0)
    );
    let verified = async || pair.logging.metrics().await.value("logging_backup_last_verified_timestamp_seconds", &[]);
    let last = verified().await;
    wait_until("another copy is made", PATIENCE, async || verified().await > last.max(1.0)).await;
    assert!(pair.logging.metrics().await.value("logging_backup_bytes", &[]) > 0.0);
}
