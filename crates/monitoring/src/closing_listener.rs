//! A listener that can be closed without turning away a connection that was made already.
//!
//! The system completes connections ahead of the program and lets them wait; closing the socket resets those
//! that wait, although their clients may have sent a request. Rule of thumb: take them all, then close.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot::{self, Receiver, Sender};

/// Connections taken while closing. The system lets fewer than these wait; more come only if clients connect
/// faster than they are taken, which shall not keep the listener open.
const MOST_WAITING: usize = 10_000;

/// Accepts connections until told to close, then hands out those that wait, then none.
pub(crate) struct ClosingListener {
    address: SocketAddr,
    /// Gone when closed.
    listener: Option<TcpListener>,
    close: Receiver<()>,
    waiting: VecDeque<(TcpStream, SocketAddr)>,
    /// Told when the last connection is handed out.
    drained: Option<Sender<()>>,
}

impl ClosingListener {
    /// Closes when `close` is sent to or dropped. The receiver is told when every connection has been handed out.
    pub(crate) fn new(listener: TcpListener, close: Receiver<()>) -> io::Result<(Self, Receiver<()>)> {
        let (drained, told) = oneshot::channel();
        let address = listener.local_addr()?;
        let closing =
            Self { address, listener: Some(listener), close, waiting: VecDeque::new(), drained: Some(drained) };
        Ok((closing, told))
    }
}

impl Listener for ClosingListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                biased;
                _ = &mut self.close => {}
                accepted = Listener::accept(listener) => return accepted,
            }
        }
        if let Some(listener) = self.listener.take() {
            self.waiting = all_waiting(listener);
        }
        if let Some(connection) = self.waiting.pop_front() {
            return connection;
        }
        if let Some(drained) = self.drained.take() {
            // An error means that nobody wants to know.
            let _ = drained.send(());
        }
        pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Takes every connection that waits, and closes the listener at once, so that hardly another can come between.
fn all_waiting(listener: TcpListener) -> VecDeque<(TcpStream, SocketAddr)> {
    // A tokio listener hears of a connection a little late; the system itself is asked here. It does not block.
    let Ok(listener) = listener.into_std() else { return VecDeque::new() };
    let accepted = std::iter::from_fn(|| {
        loop {
            match listener.accept() {
                Ok(connection) => return Some(connection),
                // That client has left; the next may be there still.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => return None,
            }
        }
    });
    let accepted: Vec<_> = accepted.take(MOST_WAITING).collect();
    drop(listener);
    let usable = accepted.into_iter().filter_map(|(stream, client)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, client))
    });
    usable.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::net::TcpStream as Client;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_when_it_closes_is_let_in_and_nobody_after() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (close, closing) = oneshot::channel();
        let (mut listener, mut drained) = ClosingListener::new(listener, closing).unwrap();
        let clients: Vec<Client> = (0..50).map(|_| Client::connect(address).unwrap()).collect();
        close.send(()).unwrap();
        for client in &clients {
            assert!(drained.try_recv().is_err());
            assert_eq!(listener.accept().await.1, client.local_addr().unwrap());
        }
        assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err());
        assert!(drained.try_recv().is_ok());
        assert_eq!(Client::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
