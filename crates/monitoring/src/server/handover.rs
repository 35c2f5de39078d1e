//! A connection that moves from the thread of the port to the threads of the service.
//!
//! Rule of thumb: what begins with a probe is served beside other probes, and moves as soon as it asks for anything else, so
//! that no body is read where probes are answered.

use std::future::Future;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// What a request and the task that serves its connection tell each other. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Handover {
    wanted: CancellationToken,
    done: CancellationToken,
}

impl Handover {
    /// Asks for the move, and completes when the connection has moved.
    pub(super) async fn moved(&self) {
        self.wanted.cancel();
        self.done.cancelled().await;
    }

    /// Serves a connection here, until a request asks for the move, and from then on over there.
    pub(super) async fn serve(self, serving: impl Future<Output = ()> + Send + 'static, there: &Handle) {
        let mut serving = Box::pin(serving);
        tokio::select! {
            biased;
            () = serving.as_mut() => return,
            () = self.wanted.cancelled() => {}
        }
        there.spawn(async move {
            self.done.cancel();
            serving.await;
        });
    }
}
