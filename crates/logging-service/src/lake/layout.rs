//! Where everything is in the lake.
//!
//! ```text
//! predictions/model=<model>/day=<YYYY-MM-DD>/<file>.parquet
//! labels/day=<YYYY-MM-DD>/<file>.parquet
//! manifests/day=<YYYY-MM-DD>/<revision>.json
//! ```
//!
//! Rule of thumb: a path is never used twice, so no reader and no cache can take one file for another.

use jiff::Timestamp;
use object_store::path::Path;
use uuid::Uuid;

use crate::store::lake_files::LABELS;
use crate::store::time::DAY;

/// The folder of the files with predictions.
pub(super) const PREDICTIONS: &str = "predictions";

/// `YYYY-MM-DD` of a day, which is given in days since 1970.
pub(crate) fn day_name(day: i64) -> String {
    let begin = Timestamp::from_microsecond(day.saturating_mul(DAY));
    let begin = begin.unwrap_or(if day < 0 { Timestamp::MIN } else { Timestamp::MAX });
    begin.strftime("%Y-%m-%d").to_string()
}

/// A path for one more file with rows of a model and a day.
pub(super) fn new_file(model: &str, day: i64) -> String {
    format!("{PREDICTIONS}/model={}/day={}/{}.parquet", encoded(model), day_name(day), Uuid::now_v7())
}

/// A path for one more file with labels of a day.
pub(super) fn new_label_file(day: i64) -> String {
    format!("{LABELS}day={}/{}.parquet", day_name(day), Uuid::now_v7())
}

/// The path of a manifest.
pub(super) fn manifest(day: i64, revision: i64) -> String {
    format!("{}/{revision:06}.json", manifests(day))
}

/// The folder of a day's manifests.
pub(super) fn manifests(day: i64) -> String {
    format!("manifests/day={}", day_name(day))
}

/// The same as the store's own type. What is percent-encoded stays as it is.
pub(super) fn path(path: &str) -> Result<Path, object_store::Error> {
    Ok(Path::parse(path)?)
}

/// A text as the readers of hive partitions decode it: everything but letters, digits and `_ - .` as `%` and two digits.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_before_and_after_1970_have_names() {
        assert_eq!(day_name(0), "1970-01-01");
        assert_eq!(day_name(-1), "1969-12-31");
        assert_eq!(day_name(20_787), "2026-11-30");
    }

    #[test]
    fn a_model_becomes_one_folder_whatever_its_name() {
        assert_eq!(encoded("cifar10"), "cifar10");
        assert_eq!(encoded("a/b =%ü"), "a%2Fb%20%3D%25%C3%BC");
        assert!(path(&new_file("..", 0)).is_ok_and(|path| path.parts().count() == 4));
    }
}
