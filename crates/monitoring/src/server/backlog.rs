//! The connections that the system has completed ahead of the program.
//!
//! Rule of thumb: accept them all, then close the socket. Closing it first resets them, although their clients may have
//! sent a request.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

/// Most connections that are accepted while closing. The system lets fewer wait; more come only if clients connect faster
/// than they are accepted, and that must not keep the port open.
const MAX_CONNECTIONS: usize = 10_000;

/// Closes the listener, and gives the connections that waited in it. It is closed at once, so that hardly another
/// connection is made in between.
pub(super) fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    // Tokio hears of a connection a little late; the system itself is asked here. The socket does not block.
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| {
        loop {
            match listener.accept() {
                Ok(connection) => return Some(connection),
                // This client has left; others may be waiting behind it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => return None,
            }
        }
    });
    let accepted: Vec<_> = accepted.take(MAX_CONNECTIONS).collect();
    drop(listener);
    let usable = accepted.into_iter().filter_map(|(stream, client)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, client))
    });
    usable.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpStream as Client;

    use super::*;

    #[tokio::test]
    async fn clients_that_wait_when_it_closes_are_accepted_and_none_after_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<Client> = (0..50).map(|_| Client::connect(address).unwrap()).collect();
        let accepted: Vec<SocketAddr> = close(listener).into_iter().map(|(_, client)| client).collect();
        assert_eq!(accepted, clients.iter().map(|client| client.local_addr().unwrap()).collect::<Vec<_>>());
        assert_eq!(Client::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
