//! The listeners of the service, and what answers at each.

use std::io;

use axum::Router;
use monitoring::{Doors, Drain, Entrance, HeadRefusals, Protocol, Tls};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::info;

/// Where the service is reached.
pub struct Listeners {
    /// HTTP, which is always there.
    pub http: TcpListener,
    /// gRPC, where it is wanted.
    pub grpc: Option<TcpListener>,
    /// HTTP for administrators, where it is wanted.
    pub admin: Option<TcpListener>,
}

impl Listeners {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        1 + usize::from(self.grpc.is_some()) + usize::from(self.admin.is_some())
    }
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
    /// What is done about requests over HTTP whose heads cannot be read.
    pub(crate) refusals: HeadRefusals,
    /// How many connections each listener takes.
    pub(crate) doors: Doors,
    pub(crate) drain: Drain,
}

impl Server {
    /// Serves at every listener until `shutdown` completes and each has answered what it accepted.
    ///
    /// # Errors
    /// The first listener's that fails, in the order of [`Listeners`].
    pub(crate) async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let Self { listeners, routers, tls, refusals, doors, drain } = self;
        let (stopping, stop) = watch::channel(());
        let shutdown = async move {
            shutdown.await;
            drop(stopping);
        };
        // Nothing is ever sent. The sender is dropped at the shutdown, and when HTTP fails before that.
        let stopped = |mut stop: watch::Receiver<()>| async move { drop(stop.changed().await) };
        let entrance = |listener: TcpListener| Entrance {
            tls: tls.clone(),
            refusals: refusals.clone(),
            doors: doors.clone(),
            ..listener.into()
        };
        let over_grpc = async {
            let Some(listener) = listeners.grpc else { return Ok(()) };
            info!(address = %listener.local_addr()?, "listening_grpc");
            let entrance = Entrance { name: "grpc", protocol: Protocol::Http2, ..entrance(listener) };
            monitoring::serve(entrance, routers.grpc, drain.clone(), stopped(stop.clone())).await
        };
        let administered = async {
            let Some(listener) = listeners.admin else { return Ok(()) };
            info!(address = %listener.local_addr()?, "listening_admin");
            let entrance = Entrance { name: "admin", ..entrance(listener) };
            monitoring::serve(entrance, routers.admin, drain.clone(), stopped(stop.clone())).await
        };
        let over_http = monitoring::serve(entrance(listeners.http), routers.http, drain.clone(), shutdown);
        let (http, grpc, admin) = tokio::join!(over_http, over_grpc, administered);
        http.and(grpc).and(admin)
    }
}
