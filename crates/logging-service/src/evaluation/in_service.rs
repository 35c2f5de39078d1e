//! The file of each model whose numbers are shown.
//!
//! Rule of thumb: all windows show the same file, and it changes only for one that is clearly used more, so that two files
//! with as many predictions do not take turns.

use std::collections::BTreeMap;

use crate::store::windows::ModelWindow;

/// How many times as much another file is used before it replaces the one in service.
const CLEARLY_MORE: f64 = 2.0;

/// The digest of the file in service, by model; empty where the senders gave none.
#[derive(Clone, Debug, Default)]
pub(super) struct FilesInService(BTreeMap<String, String>);

impl FilesInService {
    /// Chooses anew: of each model by the first of these windows in which a file of it has answered.
    pub(super) fn choose<'s>(&mut self, windows: impl Iterator<Item = &'s [ModelWindow]>) {
        let mut chosen = BTreeMap::new();
        for sums in windows {
            for (model, files) in by_model(sums) {
                if chosen.contains_key(model) {
                    continue;
                }
                let Some(most) = most_used(&files) else { continue };
                let former = self.0.get(model).and_then(|digest| files.iter().find(|sum| sum.model_sha256 == *digest));
                let stays = former.filter(|former| !most.usage.is_more_than(&former.usage, CLEARLY_MORE));
                chosen.insert(model.to_owned(), stays.unwrap_or(&most).model_sha256.clone());
            }
        }
        self.0 = chosen;
    }

    /// The sums of the files in service, one of each model.
    pub(super) fn of<'s>(&self, sums: &'s [ModelWindow]) -> impl Iterator<Item = &'s ModelWindow> {
        by_model(sums).into_values().filter_map(|files| self.among(&files))
    }

    /// Of some files of one model the one in service; the most used one where that is not among them.
    pub(super) fn among<'s>(&self, files: &[&'s ModelWindow]) -> Option<&'s ModelWindow> {
        let in_service = |sum: &&&ModelWindow| self.0.get(&sum.model) == Some(&sum.model_sha256);
        files
            .iter()
            .find(in_service)
            .copied()
            .or_else(|| files.iter().copied().max_by(|a, b| a.usage.compare(&b.usage)))
    }
}

/// The file with the most recent use; `None` where none has answered.
fn most_used<'s>(files: &[&'s ModelWindow]) -> Option<&'s ModelWindow> {
    let answering = files.iter().copied().filter(|sum| sum.counts.predictions > 0);
    answering.max_by(|a, b| a.usage.compare(&b.usage))
}

fn by_model(sums: &[ModelWindow]) -> BTreeMap<&str, Vec<&ModelWindow>> {
    let mut models = BTreeMap::<&str, Vec<&ModelWindow>>::new();
    for sum in sums {
        models.entry(&sum.model).or_default().push(sum);
    }
    models
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::WindowCounts;
    use crate::store::recent_use::RecentUse;

    fn sum(digest: &str, bucket: i64, predictions: u64, errors: u64) -> ModelWindow {
        let mut counts = WindowCounts::default();
        (counts.predictions, counts.errors) = (predictions, errors);
        ModelWindow {
            model: "m".to_owned(),
            model_sha256: digest.to_owned(),
            segment: String::new(),
            usage: RecentUse::of_bucket(bucket, predictions),
            counts,
        }
    }

    fn shown(files: &FilesInService, sums: &[ModelWindow]) -> String {
        files.of(sums).map(|sum| sum.model_sha256.clone()).collect()
    }

    #[test]
    fn failed_requests_and_single_predictions_of_other_files_hide_nothing() {
        let mut files = FilesInService::default();
        let hour = [sum("", 9, 0, 50), sum("a", 9, 1, 0), sum("b", 8, 100, 0)];
        files.choose([&hour[..]].into_iter());
        assert_eq!(shown(&files, &hour), "b");
        // Nothing but failures in the last hour: the day says what is in service.
        let (hour, day) = ([sum("", 9, 0, 50)], [sum("", 9, 0, 50), sum("b", 1, 100, 0), sum("c", 0, 100, 0)]);
        files.choose([&hour[..], &day[..]].into_iter());
        assert_eq!(shown(&files, &day), "b");
    }

    #[test]
    fn two_files_with_about_as_many_predictions_do_not_take_turns() {
        let mut files = FilesInService::default();
        files.choose([&[sum("a", 9, 100, 0), sum("b", 9, 90, 0)][..]].into_iter());
        let turned = [sum("a", 9, 100, 0), sum("b", 9, 190, 0)];
        files.choose([&turned[..]].into_iter());
        assert_eq!(shown(&files, &turned), "a");
        let replaced = [sum("a", 9, 100, 0), sum("b", 9, 300, 0)];
        files.choose([&replaced[..]].into_iter());
        assert_eq!(shown(&files, &replaced), "b");
    }
}
