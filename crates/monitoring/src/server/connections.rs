//! The connections of a port, from the first to the last.
//!
//! Rule of thumb: a client that sends nothing, or sends it a byte at a time, holds a connection and no more, and not
//! for long. A thread of the port's own accepts connections, reads their first bytes and answers probes; everything else
//! runs where the service runs.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::either::Either;
use tracing::debug;

use super::attendant::Attendant;
use super::backlog;
use super::book::{ConnectionBook, ConnectionPlaces};
use super::deadlines::ConnectionDeadlines;
use super::handover::Handover;
use super::heads::RefusingConnection;
use super::metrics::{ClosedReason, PortMetrics};
use super::probes::{begins_with_probe, first_bytes};
use super::spoken::spoken;
use super::stream::{LeavingGuard, Visitor, VisitorStream, WRITE_PATIENCE};
use crate::http::HeadRefusals;
use crate::memory::ConnectionEnd;
use crate::tls::{ClientStream, Encryption, Protocol};

/// How long a client that has just connected may take to send its request when the service stops. What it sends later
/// meets a closed connection, as does what an idle connection sends.
const FIRST_REQUEST_PATIENCE: Duration = Duration::from_millis(200);
/// How long the stop waits for handshakes that are under way.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);

/// What connections may cost.
#[derive(Clone, Debug)]
pub(super) struct ConnectionLimits {
    pub(super) places: ConnectionPlaces,
    pub(super) deadlines: ConnectionDeadlines,
    /// How long a client may take nothing of what it is sent.
    pub(super) write: Duration,
}

impl ConnectionLimits {
    pub(super) fn new(places: ConnectionPlaces) -> Self {
        Self { places, deadlines: ConnectionDeadlines::default(), write: WRITE_PATIENCE }
    }
}

/// What answers the requests of a port: those whose heads can be read, and the others.
pub(super) struct RefusingService {
    pub(super) router: Router,
    pub(super) refusals: HeadRefusals,
}

/// How the connections of a port are encrypted and spoken to.
pub(super) struct PortProtocol {
    pub(super) protocol: Protocol,
    pub(super) encryption: Encryption,
    pub(super) metrics: PortMetrics,
}

/// The connections of one port.
pub(super) struct Connections {
    room: ConnectionRoom,
    metrics: PortMetrics,
    look_interval: Duration,
    /// Each connection holds a clone of this until its handshake is over.
    shaking_hands: mpsc::Sender<Infallible>,
    /// Ends when no clone is left.
    all_greeted: mpsc::Receiver<Infallible>,
    /// Each connection holds a clone of this until it is closed.
    here: mpsc::Sender<Infallible>,
    all_gone: mpsc::Receiver<Infallible>,
}

/// What a connection needs to be served. Clones share it.
#[derive(Clone)]
struct ConnectionRoom {
    http: auto::Builder<TokioExecutor>,
    protocol: Protocol,
    encryption: Encryption,
    router: TowerToHyperService<Router>,
    refusals: HeadRefusals,
    book: Arc<ConnectionBook>,
    write: Duration,
    /// Where the service runs.
    service: Handle,
}

impl Connections {
    /// Requests run on the runtime `service`, probes and what comes before requests on the runtime that polls this.
    pub(super) fn new(port: PortProtocol, service: RefusingService, limits: ConnectionLimits, handle: Handle) -> Self {
        let PortProtocol { protocol, encryption, metrics } = port;
        let ConnectionLimits { places, deadlines, write } = limits;
        let (shaking_hands, all_greeted) = mpsc::channel(1);
        let (here, all_gone) = mpsc::channel(1);
        let room = ConnectionRoom {
            http: spoken(protocol),
            protocol,
            encryption,
            router: TowerToHyperService::new(service.router),
            refusals: service.refusals,
            book: Arc::new(ConnectionBook::new(places, deadlines, metrics.clone())),
            write,
            service: handle,
        };
        let look_interval = deadlines.look_interval();
        Self { room, metrics, look_interval, shaking_hands, all_greeted, here, all_gone }
    }

    pub(super) fn book(&self) -> &ConnectionBook {
        &self.room.book
    }

    pub(super) fn metrics(&self) -> &PortMetrics {
        &self.metrics
    }

    /// Looks after the connections for as long as it is polled.
    pub(super) fn look_after(&self) -> impl Future<Output = ()> + Send + use<> {
        let (book, period) = (self.room.book.clone(), self.look_interval);
        async move {
            let mut rounds = interval(period);
            rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                rounds.tick().await;
                book.look_after();
            }
        }
    }

    /// Closes the listener, serves the clients that wait in it, and lets each connection finish the requests that it has
    /// under way.
    pub(super) async fn finish(self, listener: TcpListener) {
        for (stream, client) in backlog::close(listener) {
            self.open(stream, client);
        }
        let Self { shaking_hands, mut all_greeted, here, mut all_gone, room, .. } = self;
        drop((shaking_hands, here));
        // A client that was accepted last may still be in its handshake.
        let _ = timeout(LAST_HANDSHAKES, all_greeted.recv()).await;
        sleep(FIRST_REQUEST_PATIENCE).await;
        room.book.stop();
        all_gone.recv().await;
    }

    /// Serves one connection on a task of its own.
    pub(super) fn open(&self, stream: TcpStream, client: SocketAddr) {
        // Without this, small answers wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let Some(visit) = self.room.book.admit(client.ip(), self.room.protocol) else { return };
        let leaving = LeavingGuard(Visitor { visit, book: self.room.book.clone() });
        let (room, here, shaking_hands) = (self.room.clone(), self.here.clone(), self.shaking_hands.clone());
        tokio::spawn(async move {
            let greeted = room.greet(stream, &leaving.0).await;
            drop(shaking_hands);
            let (stream, first) = match greeted {
                Ok(greeted) => greeted,
                Err(problem) => return debug!(%client, %problem, "handshake_failed"),
            };
            let service = room.service.clone();
            if room.protocol == Protocol::Http1 && begins_with_probe(&first) {
                let handover = Handover::default();
                let greeted = GreetedConnection { stream, first, leaving, here, handover: Some(handover.clone()) };
                return handover.serve(room.serve(greeted), &service).await;
            }
            let Ok(stream) = released(stream) else { return };
            service.spawn(async move {
                let Ok(stream) = taken_over(stream) else { return };
                room.serve(GreetedConnection { stream, first, leaving, here, handover: None }).await;
            });
        });
    }
}

/// A connection that has begun to speak.
struct GreetedConnection {
    stream: ClientStream,
    first: Vec<u8>,
    leaving: LeavingGuard,
    /// Dropped when the connection is closed.
    here: mpsc::Sender<Infallible>,
    /// How it moves to the threads of the service, if it is served where probes are.
    handover: Option<Handover>,
}

impl ConnectionRoom {
    /// Does the handshake and reads the first bytes.
    async fn greet(&self, stream: TcpStream, visitor: &Visitor) -> io::Result<(ClientStream, Vec<u8>)> {
        let greeting = async {
            let mut stream = match self.encryption.accept(stream).await {
                Err(problem) if problem.kind() == io::ErrorKind::TimedOut => {
                    visitor.book.end(&visitor.visit, ClosedReason::Handshake);
                    return Err(problem);
                }
                other => other?,
            };
            let first = first_bytes(&mut stream, self.protocol).await?;
            Ok((stream, first))
        };
        let greeted = tokio::select! {
            greeted = greeting => greeted?,
            () = visitor.visit.end().told() => return Err(io::ErrorKind::TimedOut.into()),
        };
        visitor.visit.greeted();
        visitor.visit.heard(&greeted.1);
        Ok(greeted)
    }

    /// Serves the requests of a connection until it ends, or has to.
    async fn serve(self, connection: GreetedConnection) {
        let GreetedConnection { stream, first, leaving, here, handover } = connection;
        let visitor = leaving.0.clone();
        let stream = VisitorStream::new(stream, first, visitor.clone(), self.write);
        let stream = TokioIo::new(RefusingConnection::new(stream, self.refusals, visitor.visit.clone()));
        let protocol = self.protocol;
        let end = ConnectionEnd::default();
        let attendant =
            Attendant { router: self.router, visitor: visitor.clone(), protocol, end: end.clone(), handover };
        let mut connection = pin!(self.http.serve_connection(stream, attendant));
        let order = visitor.visit.end();
        let serving = async {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                () = order.told() => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        let ended = tokio::select! {
            ended = serving => ended,
            () = order.cut_short() => Ok(()),
            // An answer of it stands in memory that others wait for, maybe while the connection ends anyway.
            () = end.wanted() => {
                visitor.book.end(&visitor.visit, ClosedReason::Unread);
                Ok(())
            }
        };
        if let Err(problem) = ended {
            // Clients leave as they like.
            debug!(%problem, "connection_ended_early");
        }
        drop((leaving, here));
    }
}

/// A connection on its way from one runtime to another.
type MovingStream = Either<std::net::TcpStream, ClientStream>;

/// Takes a connection from the runtime that waits for its bytes. One that is encrypted cannot be taken apart, and stays.
fn released(stream: ClientStream) -> io::Result<MovingStream> {
    Ok(match stream {
        Either::Left(stream) => Either::Left(stream.into_std()?),
        encrypted @ Either::Right(_) => Either::Right(encrypted),
    })
}

fn taken_over(stream: MovingStream) -> io::Result<ClientStream> {
    Ok(match stream {
        Either::Left(stream) => Either::Left(TcpStream::from_std(stream)?),
        Either::Right(stream) => stream,
    })
}
