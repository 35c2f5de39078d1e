//! The listeners of the service, and what answers at each.

use std::io;

use axum::Router;
use monitoring::{Drain, Entrance, Readiness, Tls};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::info;

use crate::oip;

/// Where the service is reached.
pub struct Listeners {
    /// HTTP, which is always there.
    pub http: TcpListener,
    /// gRPC, where it is wanted.
    pub grpc: Option<TcpListener>,
    /// HTTP for administrators, where it is wanted.
    pub admin: Option<TcpListener>,
}

/// What answers at each listener.
pub(crate) struct ListenerRouters {
    pub(crate) http: Router,
    pub(crate) grpc: Router,
    pub(crate) admin: Router,
}

/// Everything that serving takes.
pub(crate) struct Server {
    pub(crate) listeners: Listeners,
    pub(crate) routers: ListenerRouters,
    pub(crate) tls: Tls,
    pub(crate) readiness: Readiness,
    pub(crate) drain: Drain,
}

impl Server {
    /// Serves at every listener until `shutdown` completes and each has answered what it accepted.
    ///
    /// # Errors
    /// The first listener's that fails, in the order of [`Listeners`].
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let Self { listeners, routers, tls, readiness, drain } = self;
        let (told, mut draining) = watch::channel(());
        let mut also_draining = draining.clone();
        let shutdown = async move {
            shutdown.await;
            drop(told);
        };
        let over_grpc = async {
            let Some(listener) = listeners.grpc else { return Ok(()) };
            let stop = async {
                // Nothing is ever sent. The sender is dropped at the shutdown, and when HTTP fails before that.
                let _ = draining.changed().await;
                sleep(drain.notice).await;
            };
            let entrance = Entrance { listener, encryption: tls.grpc };
            oip::grpc::serve(entrance, routers.grpc, drain.patience, stop).await
        };
        let administered = async {
            let Some(listener) = listeners.admin else { return Ok(()) };
            info!(address = %listener.local_addr()?, "listening_admin");
            let stop = async move {
                let _ = also_draining.changed().await;
            };
            let entrance = Entrance { listener, encryption: tls.http.clone() };
            monitoring::serve(entrance, routers.admin, (readiness.clone(), drain), stop).await
        };
        let entrance = Entrance { listener: listeners.http, encryption: tls.http.clone() };
        let over_http = monitoring::serve(entrance, routers.http, (readiness.clone(), drain), shutdown);
        let (http, grpc, admin) = tokio::join!(over_http, over_grpc, administered);
        http.and(grpc).and(admin)
    }
}
