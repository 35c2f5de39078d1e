//! The state in which the models' folders were last seen, from which follows what is to be loaded.
//!
//! Rule of thumb: a folder is loaded once for each state that two looks in a row find it in.

use std::collections::BTreeMap;

use tracing::warn;

use crate::model::file_stamp::{self, FileStamps};
use crate::model::{ModelSource, PassedOver, RepositoryEntry};

/// Most lines about files that are not used.
const MOST_PASSED_OVER: usize = 100;

/// The folders at the last look.
#[derive(Default)]
pub(super) struct SeenFolders {
    /// By model.
    folders: BTreeMap<String, SeenFolder>,
    /// The problem of the repository as a whole.
    problem: Option<String>,
    /// What was not used.
    passed_over: Vec<PassedOver>,
}

/// One model's folder.
struct SeenFolder {
    /// At the last look.
    last: FolderState,
    /// At the last attempt to load it.
    tried: Option<FolderState>,
}

/// The state of one model's folder.
#[derive(Clone, Debug, PartialEq)]
struct FolderState {
    sources: Result<Vec<ModelSource>, String>,
    /// Of all files of its versions, so that weights are tried again that were not there.
    stamps: Vec<FileStamps>,
}

impl FolderState {
    fn of(entry: &RepositoryEntry) -> Self {
        let serving = entry.source.as_ref().map_err(ToString::to_string);
        let sources: Result<Vec<ModelSource>, String> =
            serving.map(|source| [source].into_iter().chain(&entry.others).cloned().collect());
        let files = sources.iter().flatten().map(|source| source.file.as_path());
        Self { stamps: files.map(file_stamp::stamps_beside).collect(), sources }
    }
}

impl SeenFolders {
    /// Notes the state of a model's folder, and says whether it is to be loaded: it is as it was at the last look, or this
    /// is `first`, and it was not tried in this state.
    pub(super) fn note_look(&mut self, entry: &RepositoryEntry, first: bool) -> bool {
        let now = FolderState::of(entry);
        let before = self.folders.remove(&entry.name);
        let is_settled = first || before.as_ref().is_some_and(|before| before.last == now);
        let tried = before.and_then(|before| before.tried);
        let is_due = is_settled && tried.as_ref() != Some(&now);
        let tried = if is_due { Some(now.clone()) } else { tried };
        self.folders.insert(entry.name.clone(), SeenFolder { last: now, tried });
        is_due
    }

    /// Notes that this state of the model's folder was dealt with; only another one is loaded without being asked to.
    pub(super) fn mark_dealt_with(&mut self, entry: &RepositoryEntry) {
        let now = FolderState::of(entry);
        self.folders.insert(entry.name.clone(), SeenFolder { last: now.clone(), tried: Some(now) });
    }

    /// Forgets the models that are gone.
    pub(super) fn retain(&mut self, entries: &[RepositoryEntry]) {
        self.folders.retain(|name, _| entries.iter().any(|entry| entry.name == *name));
    }

    /// Says in the log what is not used of the folders, once for each; at most [`MOST_PASSED_OVER`] of them.
    pub(super) fn tell_passed_over(&mut self, now: &[PassedOver]) {
        for passed_over in now.iter().take(MOST_PASSED_OVER).filter(|now| !self.passed_over.contains(now)) {
            warn!(path = %passed_over.path.display(), because = passed_over.because, "model_file_passed_over");
        }
        if now.len() > MOST_PASSED_OVER && self.passed_over.len() < now.len() {
            warn!(further = now.len() - MOST_PASSED_OVER, "model_files_passed_over");
        }
        self.passed_over = now.to_vec();
    }

    /// Sets what is wrong with the repository; true if that is a change.
    pub(super) fn set_problem(&mut self, problem: Option<String>) -> bool {
        let is_change = self.problem != problem;
        self.problem = problem;
        is_change
    }
}
