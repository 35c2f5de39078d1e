//! What happens to models while they are asked: they are loaded again, unloaded for a moment, and their files replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use testkit::HttpRequest;
use tokio::sync::Mutex;

/// Gives orders, one at a time.
pub(super) struct Orders {
    admin: SocketAddr,
    repository: PathBuf,
    /// For each model a count that is odd while it is away.
    away: BTreeMap<String, AtomicUsize>,
    given: Mutex<()>,
    count: AtomicUsize,
    excused: AtomicUsize,
}

impl Orders {
    /// Orders about these models, given at the listener for administrators or in the models' folder.
    pub(super) fn about(models: &BTreeSet<&str>, admin: SocketAddr, repository: PathBuf) -> Self {
        let away = models.iter().map(|model| ((*model).to_owned(), AtomicUsize::new(0))).collect();
        Self {
            admin,
            repository,
            away,
            given: Mutex::default(),
            count: AtomicUsize::new(0),
            excused: AtomicUsize::new(0),
        }
    }

    /// Gives one order about one model.
    ///
    /// # Errors
    /// What became of it, if it was not followed.
    pub(super) async fn give(&self, random: &mut Rng) -> Result<(), String> {
        let _one_at_a_time = self.given.lock().await;
        let (model, away) = self.away.iter().nth(random.usize(..self.away.len())).expect("there are models");
        match random.u8(..3) {
            0 => self.order(model, "load").await?,
            1 => {
                away.fetch_add(1, Ordering::SeqCst);
                self.order(model, "unload").await?;
                self.order(model, "load").await?;
                away.fetch_add(1, Ordering::SeqCst);
            }
            _ => self.replace(model).map_err(|error| format!("{model}: {error}"))?,
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What is handed to [`Self::excuse`] when the answer has come.
    pub(super) fn state_of(&self, model: &str) -> usize {
        self.away[model].load(Ordering::SeqCst)
    }

    /// Whether a model was away at some time since its state was this; counts that it was.
    pub(super) fn excuse(&self, model: &str, before: usize) -> bool {
        let was_away = before % 2 == 1 || self.state_of(model) != before;
        self.excused.fetch_add(usize::from(was_away), Ordering::Relaxed);
        was_away
    }

    /// How many orders were followed, and how many refusals they excused.
    pub(super) fn told(&self) -> (usize, usize) {
        (self.count.load(Ordering::Relaxed), self.excused.load(Ordering::Relaxed))
    }

    async fn order(&self, model: &str, what: &str) -> Result<(), String> {
        let request = HttpRequest::post(&format!("/v2/repository/models/{model}/{what}"), "{}");
        let answer = request.header("content-type", "application/json").send(self.admin).await;
        let answer = answer.map_err(|failure| format!("{what} {model}: {failure:?}"))?;
        if answer.status == 200 { Ok(()) } else { Err(format!("{what} {model}: {}", answer.text())) }
    }

    /// Puts the same bytes in the place of the model's file, in one step; the service finds another file there.
    fn replace(&self, model: &str) -> std::io::Result<()> {
        let file = self.repository.join(model).join("1/model.onnx");
        let beside = self.repository.with_extension(model);
        fs::copy(&file, &beside)?;
        fs::rename(beside, file)
    }
}
