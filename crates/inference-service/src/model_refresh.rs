//! Loading the models, and following what becomes of their folder.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use monitoring::Hangup;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use tracing::{error, info};

use crate::app::App;
use crate::notices::ModelNotices;

/// How long after a look that was asked for the next one follows.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// Keeps the models as their folder has them, and tells the logging service of those that serve.
pub(crate) struct ModelRefresher {
    app: App,
    notices: Arc<ModelNotices>,
    sending: JoinSet<()>,
}

impl ModelRefresher {
    pub(crate) fn new(app: App, notices: ModelNotices) -> Self {
        Self { app, notices: Arc::new(notices), sending: JoinSet::new() }
    }

    /// Loads the models, makes the service ready, and looks at the folder again and again. Ends when the sender of `stopped`
    /// is dropped; a load that is under way is completed before that.
    pub(crate) async fn run(mut self, mut stopped: oneshot::Receiver<Infallible>) {
        let mut hangup = Hangup::listen_or_ignore();
        loop {
            self.look().await;
            if !self.app.readiness.is_draining() && !self.app.readiness.is_ready() {
                self.app.readiness.set_ready();
                info!(threads = self.app.config.threads(), "ready");
            }
            let app = self.app.clone();
            let next_look = async {
                match app.config.model_poll() {
                    Some(pause) => sleep(pause).await,
                    None => pending().await,
                }
            };
            tokio::pin!(next_look);
            loop {
                tokio::select! {
                    () = &mut next_look => break,
                    () = hangup.heard() => {
                        // What has changed is taken when two looks find the same; the second is the one of the next turn.
                        self.look().await;
                        sleep(SECOND_LOOK).await;
                        break;
                    }
                    // No look follows here. A folder counts as settled when two looks find it the same, and two looks
                    // without a pause between them would find that of a folder that is still being copied.
                    () = app.models.loaded_by_order() => self.send_notices().await,
                    // Nothing is ever sent; the sender is dropped.
                    _ = &mut stopped => return,
                }
            }
        }
    }

    /// Looks at the folder, and loads what is new or has changed.
    async fn look(&mut self) {
        let app = self.app.clone();
        match spawn_blocking(move || app.models.refresh()).await {
            Ok(true) => {
                self.app.series.check();
                self.send_notices().await;
            }
            Ok(false) => {}
            Err(problem) => error!(%problem, "loading the models ended early"),
        }
    }

    /// Tells the logging service of the models that serve now, and no longer of models that were replaced.
    async fn send_notices(&mut self) {
        self.sending.shutdown().await;
        let (app, notices) = (self.app.clone(), self.notices.clone());
        self.sending.spawn(async move { notices.deliver(&app.models).await });
    }
}
